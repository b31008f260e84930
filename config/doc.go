// Package config reads netmond's configuration: one YAML file for everything.
//
// [Load] and [Parse] check a file whole and tell all that is wrong with it at once, each problem with
// its line, column and key. [Config] holds what the file says and nothing more: every key can be told
// apart from one that is not given, because flags go before the file and the file goes before the
// defaults of the packages. The struct tags of Config are the one table of keys: the parser, [Schema],
// [Diff] and docs/configuration.md are made from it.
//
// What only another package can judge (a capture filter, a duplicate network, the name of a check) is
// left to that package; [Config.Pos] names the place in the file for its message.
package config
