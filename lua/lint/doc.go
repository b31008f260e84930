// Package lint finds mistakes in check scripts without running them: syntax that netmond's Lua lacks,
// names that the API does not have, globals that nothing defines, hooks that never run.
//
// What exists is asked of the interpreter itself (package lua), so that the two cannot disagree: its
// parser decides about syntax, and the keys of its tables are the names of the API.
package lint
