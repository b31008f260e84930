// Package snaptest builds flows.Snapshot values by hand, so that the readers of snapshots can be
// tested without the stages before them. Traffic is added conversation by conversation, so every
// snapshot's accounting closes by construction.
package snaptest
