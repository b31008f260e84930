// Package lua runs check scripts: ntopng's Lua API over snapshots of the local networks' counters.
//
// A [VM] is one restricted Lua state with one script; a [Check] is a script in its VM. The API's
// functions stand in one registration table per Lua module, from which docs/lua-api.md is written.
// Bindings convert and call; what they read is a [localnets.Snapshot] and what they change is behind
// [AlertSink].
//
// The interpreter, github.com/yuin/gopher-lua, knows Lua 5.1. The package reads Lua 5.4 with its own
// parser, replaces most of the standard library, and bounds time, nesting, strings and stacks. What an
// in-process VM cannot bound is memory as a whole.
package lua
