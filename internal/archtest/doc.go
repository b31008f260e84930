// Package archtest holds the drawing of the architecture (docs/design.md) as a table and fails when
// the code's imports or comments no longer agree with it.
package archtest
