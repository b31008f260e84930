// Package packet turns the bytes of a captured frame into a [Meta]: link-layer headers and tags
// are stepped over, the outermost IP header (or, with decapsulation, the innermost wanted one)
// gives the flow key, and a frame that cannot be decoded gives a [Reason] that is counted.
//
// Decode allocates nothing and keeps no reference to the frame's bytes. All types here are values
// that every later stage shares; the package imports nothing of netmond.
package packet
