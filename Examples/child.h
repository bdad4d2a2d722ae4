/* Commands that do not outlive the program that runs them. */
#ifndef CHILD_H
#define CHILD_H

/* Once, at the beginning, from a thread that stays until the end. 0, or -1 with errno. */
int child_setup(void);

/* Runs a command to its end and gives its wait status, -1 if it could not be run. When this program
 * ends meanwhile, even by kill -9, the command and all that it has started are killed at once. */
int child_run(const char *const *argv);

#endif
