# Compiles Swift sources as one Embedded Swift module into one object file.
#
# A custom command, because CMake's own Swift support knows neither Embedded Swift nor, in 3.25,
# whole-module compilation or any generator but Ninja.

find_program(SWIFTC swiftc REQUIRED DOC "The Swift compiler")

execute_process(COMMAND ${SWIFTC} -print-target-info
  OUTPUT_VARIABLE swift_target_info COMMAND_ERROR_IS_FATAL ANY)
string(JSON swift_resource_dir GET ${swift_target_info} paths runtimeResourcePath)
string(JSON swift_triple GET ${swift_target_info} target unversionedTriple)

# Here the toolchain has what an Embedded program may need at its link. We need none of it (see
# TextBytes.swift); without it, though, there is no Embedded Swift.
if(NOT EXISTS ${swift_resource_dir}/embedded/${swift_triple})
  message(FATAL_ERROR "This Swift toolchain cannot build Embedded Swift for ${swift_triple}: "
    "${swift_resource_dir}/embedded/${swift_triple} is missing. bgjobs needs Swift 6.3 or newer.")
endif()

# add_embedded_swift_object(<target> MODULE <name> PACKAGE <name> SOURCES <directory>...
#                           MODULE_MAPS <directory>... INCLUDES <directory>... DEFINES <name>...)
#
# Makes a target that builds the object file named by <target>_OBJECT. Who links the object must
# also depend on the target: with Makefiles, two users of a custom command would both run it.
function(add_embedded_swift_object target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MODULE;PACKAGE" "SOURCES;MODULE_MAPS;INCLUDES;DEFINES")

  list(TRANSFORM arg_SOURCES APPEND "/*.swift" OUTPUT_VARIABLE source_patterns)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${source_patterns})
  set(source_list ${CMAKE_CURRENT_BINARY_DIR}/${target}.sources)
  list(JOIN sources "\"\n\"" lines)
  file(CONFIGURE OUTPUT ${source_list} CONTENT "\"${lines}\"\n" @ONLY)

  list(TRANSFORM arg_DEFINES PREPEND "-D" OUTPUT_VARIABLE options)
  foreach(directory ${arg_MODULE_MAPS} ${arg_INCLUDES})
    cmake_path(ABSOLUTE_PATH directory)
    list(APPEND options -Xcc "-I${directory}")
  endforeach()
  foreach(directory ${arg_MODULE_MAPS})
    cmake_path(ABSOLUTE_PATH directory)
    list(APPEND options -I ${directory})
  endforeach()

  # Small before fast: hosts carry this library, and its hot path is a system call. Of the inlining
  # that -Osize still does, that of strings costs most (a fifth of the code, all in messages), and
  # the copies of functions for each closure that they get come next. Checks of exclusive access
  # call empty functions in Embedded Swift. The outliner makes a function of what stands in many
  # places, which is three percent. One round of inlining, instead of three, is as much again; a
  # report takes one percent more instructions for it. The traps of a function are one instruction.
  # What branches have in common is moved before or behind them, and nothing of them is copied so that
  # there are fewer. Functions of C are called through
  # the table of addresses, for each stub of the linker has 16 bytes.
  # Tests/Build/library.sh guards the size.
  set(small -Osize
    -enforce-exclusivity=unchecked
    -Xfrontend -function-sections -Xfrontend -mergeable-traps -Xcc -fno-plt
    -Xllvm -sil-inline-never-functions=SS
    -Xllvm -sil-disable-pass=closure-specialize
    -Xllvm -enable-machine-outliner=always -Xllvm -enable-linkonceodr-outlining
    -Xllvm -sil-disable-pass=early-inline -Xllvm -inline-threshold=0
    -Xllvm -hoist-common-insts=1 -Xllvm -sink-common-insts=1 -Xllvm -tail-merge-size=2
    -Xllvm -split-spill-mode=size -Xllvm -min-jump-table-entries=8
    -Xllvm -bonus-inst-threshold=0 -Xllvm -two-entry-phi-node-folding-threshold=1)

  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.o)
  # Without the last option an object that came out the same keeps its old time, and make would
  # compile it again and again.
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${SWIFTC}
      -enable-experimental-feature Embedded
      -enable-experimental-feature Lifetimes
      -swift-version 6 -parse-as-library -wmo
      -package-name ${arg_PACKAGE} -module-name ${arg_MODULE}
      -module-cache-path ${CMAKE_CURRENT_BINARY_DIR}/swift-module-cache
      "$<IF:$<CONFIG:Debug>,-Onone,${small}>"
      $<$<CONFIG:Debug,RelWithDebInfo>:-g>
      $<$<BOOL:${CMAKE_COMPILE_WARNING_AS_ERROR}>:-warnings-as-errors>
      ${options} @${source_list}
      -c -o ${object} -emit-dependencies -track-system-dependencies
      -Xfrontend -disable-incremental-llvm-codegen
    # Swift's objects come from where there is a reserve: without memory it would end the process.
    COMMAND ${CMAKE_OBJCOPY} --redefine-sym posix_memalign=cposix_allocate
      --redefine-sym malloc=cposix_malloc --redefine-sym free=cposix_deallocate ${object}
    DEPENDS ${sources} ${source_list} ${SWIFTC}
    DEPFILE ${CMAKE_CURRENT_BINARY_DIR}/${arg_MODULE}.d
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
    COMMENT "Compiling ${arg_MODULE} as Embedded Swift"
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${target} DEPENDS ${object})
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${target}_OBJECT ${object} PARENT_SCOPE)
endfunction()
