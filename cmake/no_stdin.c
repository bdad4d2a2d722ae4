/*
 * For BGJOBS_STATIC_JANSSON. Debian compiles libjansson.a for programs (PIE): of a shared library it
 * can be a part only if it takes no variable of another one by its address. It takes one, stdin, in
 * json_loadf, which asks whether its file is that, and which nobody here calls. So it gets a
 * variable of this library's own to compare with.
 */
#undef stdin

__attribute__((visibility("hidden"))) void *stdin;
