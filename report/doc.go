// Package report turns a snapshot into the documented forms that people and programs read: the JSON
// of netmond read and the API, the table and the CSV. It holds no state.
package report
