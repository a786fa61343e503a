package main

import (
	"slices"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/common"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// order is one operation: what an Application and its operation say in Argo CD.
type order struct {
	ID        string `json:"id"`
	App       string `json:"app"`
	Namespace string `json:"namespace"`
	Manifests string `json:"manifests"`
	// SyncOptions are the Application's.
	SyncOptions []string `json:"syncOptions"`
	Prune       bool     `json:"prune"`
	// Force is the sync strategy's.
	Force bool `json:"force"`
	// SkipHooks is the strategy `apply`.
	SkipHooks bool `json:"skipHooks"`
	// Only are the resources of a selective sync, as Kind/name.
	Only []string `json:"only"`
	// Confirmed is the annotation deletion-approved.
	Confirmed bool `json:"confirmed"`
	// Retries is the limit of the retry strategy; a second is waited before each.
	Retries int64 `json:"retries"`
	// TerminateAt names the hook, as Kind/name, that runs when the operation is terminated.
	TerminateAt string `json:"terminateAt"`
	// Live is what the cache must know before it begins, by kind, namespace and name, and in which version.
	Live map[string]int64 `json:"live"`
	// Seconds are how long it may take.
	Seconds int `json:"seconds"`
}

// report is what came of an operation.
type report struct {
	ID       string                `json:"id"`
	Phase    common.OperationPhase `json:"phase"`
	Message  string                `json:"message"`
	Attempts int64                 `json:"attempts"`
	Passes   int                   `json:"passes"`
	Results  []result              `json:"results"`
	// Trouble is what keeps a controller from reconciling.
	Trouble string `json:"trouble,omitempty"`
}

// result is what came of one task.
type result struct {
	Phase     common.SyncPhase      `json:"phase"`
	Kind      string                `json:"kind"`
	Namespace string                `json:"namespace"`
	Name      string                `json:"name"`
	Hook      bool                  `json:"hook"`
	Status    common.ResultCode     `json:"status"`
	State     common.OperationPhase `json:"state"`
	Message   string                `json:"message"`
}

func resultsOf(found []common.ResourceSyncResult) []result {
	results := make([]result, 0, len(found))
	for _, one := range found {
		results = append(results, result{
			Phase:     one.SyncPhase,
			Kind:      one.ResourceKey.Kind,
			Namespace: one.ResourceKey.Namespace,
			Name:      one.ResourceKey.Name,
			Hook:      one.HookType != "",
			Status:    one.Status,
			State:     one.HookPhase,
			Message:   one.Message,
		})
	}
	return results
}

// has says whether a sync option is set as exactly this.
func (o order) has(option string) bool {
	return slices.Contains(o.SyncOptions, option)
}

// value returns what a sync option is set to.
func (o order) value(name string) *string {
	for _, option := range o.SyncOptions {
		if value, ok := strings.CutPrefix(option, name+"="); ok {
			return &value
		}
	}
	return nil
}

func (o order) propagation() metav1.DeletionPropagation {
	switch value := o.value("PrunePropagationPolicy"); {
	case value == nil:
		return metav1.DeletePropagationForeground
	case *value == "background":
		return metav1.DeletePropagationBackground
	case *value == "orphan":
		return metav1.DeletePropagationOrphan
	default:
		return metav1.DeletePropagationForeground
	}
}

func (o order) deadline() time.Duration {
	return time.Duration(o.Seconds) * time.Second
}
