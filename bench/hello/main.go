// Program hello does nothing: its start is the least that a static Go program's
// start can cost.
package main

import "os"

func main() { _, _ = os.Stdout.WriteString("hello\n") }
