package main

//go:generate go run ../../internal/samplegen/main_gen.go testdata/office.pcap
