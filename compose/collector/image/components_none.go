//go:build !full

package main

// moreComponents are none in the small build, which compiles in a third of the time.
func moreComponents() components { return components{} }
