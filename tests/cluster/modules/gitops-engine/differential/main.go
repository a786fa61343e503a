// Command differential runs operations by Argo CD's engine, driven as Argo CD's controller drives it. Each line of stdin orders one,
// many run side by side, and each is answered by a line of stdout with what came of it.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// longest is how long an order may be, in bytes.
const longest = 4 << 20

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how the cluster is reached")
	flag.Parse()
	klog.SetLogger(logr.Discard())
	if err := run(*kubeconfig); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	// What is compared is order and outcome, not speed.
	config.QPS, config.Burst = 1000, 2000
	cluster, err := watchCluster(config)
	if err != nil {
		return err
	}
	var turns sync.Mutex
	out := json.NewEncoder(os.Stdout)
	var running sync.WaitGroup
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		running.Go(func() {
			report := cluster.perform(context.Background(), o)
			turns.Lock()
			defer turns.Unlock()
			if err := out.Encode(report); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		})
	}
	running.Wait()
	return lines.Err()
}
