// Package report turns a snapshot into the documented forms that people and programs read: the JSON
// of netmond read and of the API (docs/read-json.md), the table and the CSV. It holds no state, reads
// no clock and gives the same output for the same snapshot.
package report
