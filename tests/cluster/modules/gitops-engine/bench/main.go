// Command gitops brings a folder of manifests into a namespace by Argo CD's engine, driven as Argo CD's controller drives it: a fresh
// sync context for each pass, given what the last one left, and a new pass whenever the cluster cache sees one of the objects change.
// It ends when all is synced and healthy.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// settings are Argo CD's defaults but for the delay after a wave.
type settings struct {
	kubeconfig string
	namespace  string
	manifests  string
	waveDelay  time.Duration
	deadline   time.Duration
	qps        float64
	applies    int64
	everywhere bool
}

func main() {
	var s settings
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "how the cluster is reached")
	flag.StringVar(&s.namespace, "namespace", "default", "where the objects go")
	flag.StringVar(&s.manifests, "manifests", ".", "a folder of YAML files")
	flag.DurationVar(&s.waveDelay, "wave-delay", 0, "how long to wait after a wave; Argo CD: 2s")
	flag.DurationVar(&s.deadline, "deadline", 30*time.Minute, "how long it may take")
	flag.Float64Var(&s.qps, "qps", 50, "requests a second, twice as many at once")
	flag.Int64Var(&s.applies, "applies", 20, "how many applies at once")
	flag.BoolVar(&s.everywhere, "everywhere", false, "watch the whole cluster, not only the namespace")
	flag.Parse()
	klog.SetLogger(logr.Discard())
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(s settings) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), s.deadline)
	defer cancel()
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = float32(s.qps), int(2*s.qps)
	objects, err := read(s.manifests)
	if err != nil {
		return err
	}
	app := newApp(config, s, objects)
	if err := app.cache.EnsureSynced(); err != nil {
		return fmt.Errorf("fill the cluster cache: %w", err)
	}
	fmt.Printf("cached after %s\n", time.Since(began))
	if err := app.sync(ctx); err != nil {
		return err
	}
	fmt.Printf("synced after %s, %d passes\n", time.Since(began), app.passes)
	if err := app.awaitHealth(ctx); err != nil {
		return err
	}
	fmt.Printf("healthy after %s\n", time.Since(began))
	return nil
}

func read(folder string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := kube.SplitYAML(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		objects = append(objects, found...)
	}
	return objects, nil
}
