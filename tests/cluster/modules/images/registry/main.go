// Command registry serves the images of the test cluster on loopback, read only.
//
//	registry ADDRESS-FILE PROGRAMS BUSYBOX BASH
//
// The images are made at the start, from static programs. The address goes into ADDRESS-FILE once it is served.
// An image that nobody has is a plain 404.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: registry ADDRESS-FILE PROGRAMS BUSYBOX BASH")
	}
	store, err := pack(os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	if err := tell(os.Args[1], listener.Addr().String()); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, store))
}

// tell writes the file in one step: who reads it, reads all of it.
func tell(path, address string) error {
	half := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(half, []byte(address), 0o600); err != nil {
		return err
	}
	return os.Rename(half, path)
}

// blob is a manifest, a configuration or a layer.
type blob struct {
	kind string
	data []byte
}

// store has blobs by digest, and digests of manifests by "host/repository:tag".
type store struct {
	blobs map[string]blob
	tags  map[string]string
}

// ServeHTTP is the part of the distribution protocol that a pull needs.
func (s *store) ServeHTTP(answer http.ResponseWriter, asked *http.Request) {
	host := asked.URL.Query().Get("ns")
	path := strings.TrimPrefix(asked.URL.Path, "/v2/")
	if path == "" {
		return
	}
	name, digest := "", ""
	if repository, reference, found := strings.Cut(path, "/manifests/"); found {
		name, digest = host+"/"+repository+":"+reference, reference
		if known, found := s.tags[name]; found {
			digest = known
		}
	} else if _, reference, found := strings.Cut(path, "/blobs/"); found {
		name, digest = reference, reference
	}
	found, ok := s.blobs[digest]
	if !ok || (asked.Method != http.MethodGet && asked.Method != http.MethodHead) {
		log.Printf("%s %s: nobody has %s", asked.Method, asked.URL, name)
		answer.Header().Set("Content-Type", "application/json")
		answer.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(answer, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"the test cluster has no image %s"}]}`, name)
		return
	}
	answer.Header().Set("Content-Type", found.kind)
	answer.Header().Set("Docker-Content-Digest", digest)
	answer.Header().Set("Content-Length", fmt.Sprint(len(found.data)))
	if asked.Method == http.MethodGet {
		answer.Write(found.data)
	}
}
