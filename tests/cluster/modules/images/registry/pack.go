package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

const (
	layerKind    = "application/vnd.oci.image.layer.v1.tar"
	configKind   = "application/vnd.oci.image.config.v1+json"
	manifestKind = "application/vnd.oci.image.manifest.v1+json"
)

// The real image of curl runs curl when its first word is an option.
const curlEntry = "#!/bin/sh\ncase \"${1-}\" in -*) set -- curl \"$@\";; esac\nexec \"$@\"\n"

// image is what is to be packed.
type image struct {
	names    []string          // host/repository:tag
	programs map[string]string // where it is in the image: where it is here
	texts    map[string]string
	applets  bool // links to busybox
	config   map[string]any
}

// pack makes every image of the test cluster.
func pack(programs, busybox, bash string) (*store, error) {
	packed := &store{blobs: map[string]blob{}, tags: map[string]string{}}
	own := func(name string) string { return filepath.Join(programs, name) }
	listed, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return nil, err
	}
	applets := strings.Fields(string(listed))
	for _, image := range []image{
		{
			names:    []string{"registry.k8s.io/pause:3.10"},
			programs: map[string]string{"pause": own("pause")},
			config:   map[string]any{"Entrypoint": []string{"/pause"}},
		},
		{
			names:    []string{"docker.io/library/busybox:1.36", "docker.io/library/busybox:latest"},
			programs: map[string]string{"bin/busybox": busybox},
			applets:  true,
			config:   map[string]any{"Cmd": []string{"sh"}},
		},
		{
			names:    []string{"docker.io/library/ubuntu:latest"},
			programs: map[string]string{"bin/busybox": busybox, "bin/bash": bash},
			applets:  true,
			config:   map[string]any{"Cmd": []string{"/bin/bash"}},
		},
		{
			names:    []string{"docker.io/curlimages/curl:latest"},
			programs: map[string]string{"bin/busybox": busybox, "bin/curl": own("curl")},
			texts:    map[string]string{"entrypoint.sh": curlEntry},
			applets:  true,
			config:   map[string]any{"Entrypoint": []string{"/entrypoint.sh"}, "Cmd": []string{"curl"}},
		},
		{
			names:    []string{"docker.io/ealen/echo-server:0.9.2", "docker.io/ealen/echo-server:latest"},
			programs: map[string]string{"bin/echo-server": own("echo-server")},
			config:   map[string]any{"Entrypoint": []string{"/bin/echo-server"}},
		},
	} {
		if err := packed.add(image, applets); err != nil {
			return nil, err
		}
	}
	return packed, nil
}

// add packs one image of one layer.
func (s *store) add(image image, applets []string) error {
	layer, err := image.layer(applets)
	if err != nil {
		return err
	}
	layerDigest := s.put(layerKind, layer)
	config := map[string]any{"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}
	for key, value := range image.config {
		config[key] = value
	}
	described, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{layerDigest}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestKind,
		"config": map[string]any{"mediaType": configKind, "digest": s.put(configKind, described), "size": len(described)},
		"layers": []any{map[string]any{"mediaType": layerKind, "digest": layerDigest, "size": len(layer)}},
	})
	if err != nil {
		return err
	}
	digest := s.put(manifestKind, manifest)
	for _, name := range image.names {
		s.tags[name] = digest
	}
	return nil
}

func (s *store) put(kind string, data []byte) string {
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	s.blobs[digest] = blob{kind, data}
	return digest
}

// layer is the whole file system, always with the same bytes for the same programs.
func (i *image) layer(applets []string) ([]byte, error) {
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	entry := func(header tar.Header, data []byte) error {
		header.Size = int64(len(data))
		if err := archive.WriteHeader(&header); err != nil {
			return err
		}
		_, err := archive.Write(data)
		return err
	}
	for _, made := range []struct {
		name string
		mode int64
	}{{"bin/", 0o755}, {"etc/", 0o755}, {"tmp/", 0o1777}} {
		if err := entry(tar.Header{Typeflag: tar.TypeDir, Name: made.name, Mode: made.mode}, nil); err != nil {
			return nil, err
		}
	}
	files := map[string][]byte{"etc/passwd": []byte("root:x:0:0:root:/:/bin/sh\n")}
	for name, source := range i.programs {
		data, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	for name, text := range i.texts {
		files[name] = []byte(text)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := entry(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755}, files[name]); err != nil {
			return nil, err
		}
	}
	for _, applet := range applets {
		if name := "bin/" + applet; i.applets && files[name] == nil {
			if err := entry(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "busybox", Mode: 0o777}, nil); err != nil {
				return nil, err
			}
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
