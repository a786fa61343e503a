package main

import (
	"context"
	"fmt"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// revision is a commit as Argo CD would name one: generated names begin with seven letters of it.
const revision = "c0ffee0c0ffee0c0ffee0c0ffee0c0ffee0c0ffe"

// again is how long is waited before a retry.
const again = time.Second

// operation is the state that Argo CD keeps in the Application between two passes.
type operation struct {
	order   order
	cluster *cluster
	objects []*unstructured.Unstructured
	started metav1.Time
	phase   common.OperationPhase
	message string
	results []common.ResourceSyncResult
	retried int64
	passes  int
}

// perform runs an operation to its end, or until it takes too long.
func (c *cluster) perform(ctx context.Context, o order) report {
	ctx, cancel := context.WithTimeout(ctx, o.deadline())
	defer cancel()
	op := &operation{order: o, cluster: c, started: metav1.Now(), phase: common.OperationRunning}
	err := op.run(ctx)
	told := report{
		ID: o.ID, Phase: op.phase, Message: op.message, Attempts: op.retried + 1, Passes: op.passes, Results: resultsOf(op.results),
	}
	if err != nil {
		told.Trouble = err.Error()
	}
	return told
}

// run makes passes until the operation is complete, as the controller's processRequestedAppOperation does.
func (op *operation) run(ctx context.Context) error {
	objects, err := kube.SplitYAML([]byte(op.order.Manifests))
	if err != nil {
		return fmt.Errorf("read the manifests: %w", err)
	}
	op.objects = objects
	if err := op.cluster.awaitLive(ctx, op.order.App, op.order.Live); err != nil {
		return err
	}
	changed := op.cluster.listen(op.order.App)
	for {
		terminates := op.phase == common.OperationTerminating
		op.passes++
		if err := op.pass(ctx); err != nil {
			return err
		}
		switch {
		case op.phase == common.OperationSucceeded, op.phase.Completed() && (terminates || op.retried >= op.order.Retries):
			return nil
		case op.phase.Completed():
			if err := wait(ctx, nil, again); err != nil {
				return err
			}
			op.retried++
			op.results = nil
			op.phase = common.OperationRunning
			op.message = fmt.Sprintf("Retrying operation. Attempt #%d", op.retried)
			continue
		case op.isToBeTerminated():
			op.phase = common.OperationTerminating
			continue
		}
		if err := wait(ctx, changed, time.Second); err != nil {
			return err
		}
	}
}

// isToBeTerminated says whether the hook runs at which somebody terminates the operation.
func (op *operation) isToBeTerminated() bool {
	for _, one := range op.results {
		if op.order.TerminateAt == one.ResourceKey.Kind+"/"+one.ResourceKey.Name && one.HookPhase == common.OperationRunning {
			return true
		}
	}
	return false
}

// pass compares and takes one step, as the controller's SyncAppState does.
func (op *operation) pass(ctx context.Context) error {
	o, c := op.order, op.cluster
	targets := op.targets()
	live, err := c.cache.GetManagedLiveObjs(targets, op.owns)
	if err != nil {
		return fmt.Errorf("look at what is live: %w", err)
	}
	reconciled := sync.Reconcile(targets, live, o.Namespace, c.cache)
	differences, err := diff.DiffArray(ctx, reconciled.Target, reconciled.Live, diff.WithLogr(logr.Discard()))
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	propagation := o.propagation()
	options := []sync.SyncOpt{
		sync.WithLogr(logr.Discard()),
		sync.WithOperationSettings(false, o.Prune, o.Force, o.SkipHooks || len(o.Only) > 0),
		sync.WithInitialState(op.phase, op.message, op.results, op.started),
		sync.WithResourcesFilter(op.selects),
		sync.WithManifestValidation(!o.has(common.SyncOptionsDisableValidation)),
		sync.WithSyncWaveHook(func(common.SyncPhase, int, bool) error { return nil }),
		sync.WithPruneLast(o.has(common.SyncOptionPruneLast)),
		sync.WithDefaultPruneOption(o.value("Prune")),
		sync.WithPruneConfirmed(o.Confirmed),
		sync.WithPrunePropagationPolicy(&propagation),
		sync.WithResourceModificationChecker(o.has("ApplyOutOfSyncOnly=true"), differences),
		sync.WithReplace(o.has(common.SyncOptionReplace)),
		sync.WithServerSideApply(o.has(common.SyncOptionServerSideApply)),
		sync.WithServerSideApplyManager("argocd-controller"),
		sync.WithClientSideApplyMigration(!o.has("ClientSideApplyMigration=false"), common.DefaultClientSideApplyMigrationManager),
		sync.WithSkipDryRunOnMissingResource(o.has(common.SyncOptionSkipDryRunOnMissingResource)),
	}
	if o.has("CreateNamespace=true") {
		options = append(options, sync.WithNamespaceModifier(func(_, live *unstructured.Unstructured) (bool, error) {
			return live == nil, nil
		}))
	}
	syncContext, cleanup, err := sync.NewSyncContext(revision, reconciled, c.config, c.config, c.kubectl, o.Namespace, options...)
	if err != nil {
		return fmt.Errorf("make a sync context: %w", err)
	}
	defer cleanup()
	if op.phase == common.OperationTerminating {
		syncContext.Terminate(ctx)
	} else {
		syncContext.Sync(ctx)
	}
	op.phase, op.message, op.results = syncContext.GetState()
	return nil
}

// selects says whether an object takes part in the sync: all but copies that others made, or those that were asked for.
func (op *operation) selects(key kube.ResourceKey, target, live *unstructured.Unstructured) bool {
	if target == nil && live != nil && live.GetAnnotations()[tracking] != trackingOf(op.order.App, live) {
		return false
	}
	if len(op.order.Only) == 0 {
		return true
	}
	for _, one := range op.order.Only {
		if one == key.Kind+"/"+key.Name {
			return true
		}
	}
	return false
}

func wait(ctx context.Context, changed <-chan struct{}, most time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-changed:
	case <-time.After(most):
	}
	return nil
}
