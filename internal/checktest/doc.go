// Package checktest runs Lua checks over capture files in tests, on capture time, as netmond check
// does, and writes what became of their alerts as text.
package checktest
