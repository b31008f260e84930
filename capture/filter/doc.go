// Package filter compiles tcpdump's filter expressions (pcap-filter(7)) to classic BPF, in Go alone.
//
// An expression goes through four forms, each in files of its own:
//
//	text --Parse--> syntax tree --lower--> conditions --graph--> decisions --emit--> classic BPF
//	     (lex, parse)           (lower*, link)         (graph)              (emit)
//
// The syntax tree knows no link type. Lowering knows one, and where each header begins in its frames;
// its conditions are comparisons of values (a load, a sum, a length) joined by and, or, not. The graph
// decides each comparison once along every path. Only the last step knows classic BPF, so another
// back end can start from the graph.
//
// What a program does with a frame is what the program of libpcap 1.10 for the same expression does,
// frames cut short included: a load past the end of the captured bytes refuses the frame. The order in
// which loads are made is therefore part of an expression's meaning, and lowering keeps to libpcap's.
package filter
