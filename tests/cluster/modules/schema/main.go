// Command schema prints the types of Kubernetes' built-in kinds as the table host/schema/src/kubernetes.txt.
//
// The fields come from the Go types by reflection: names, order, pointers, `omitempty` and protobuf numbers are in their
// struct tags. What the tags can't say comes from the API server's OpenAPI: which fields are required, how lists merge,
// defaults and enums. Which kinds there are, and their resources, comes from the published documents in k8s.io/kubernetes.
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	directory, err := kubernetes()
	if err == nil {
		var table *table
		if table, err = collect(directory); err == nil {
			out := bufio.NewWriter(os.Stdout)
			table.print(out)
			err = out.Flush()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
