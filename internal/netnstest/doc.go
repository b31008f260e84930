// Package netnstest gives tests network namespaces of their own, joined by veth pairs, and sends known
// frames over them. Everything ends with the test: the namespaces have no name, so that the kernel
// removes them and what is in them even when the test process is killed.
package netnstest
