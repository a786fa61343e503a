package main

import (
	"fmt"
	"slices"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/hook"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/sync/resource"
	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// targets returns what is desired, as the controller's CompareAppState prepares it: with namespaces, each object once, tracked,
// and without what only runs when the application is deleted.
func (op *operation) targets() []*unstructured.Unstructured {
	var order []kube.ResourceKey
	byKey := map[kube.ResourceKey]*unstructured.Unstructured{}
	for i, original := range op.objects {
		object := original.DeepCopy()
		if !kube.IsNamespacedOrUnknown(op.cluster.cache, object.GroupVersionKind().GroupKind()) {
			object.SetNamespace("")
		} else if object.GetNamespace() == "" {
			object.SetNamespace(op.order.Namespace)
		}
		key := kube.GetResourceKey(object)
		if key.Name == "" && object.GetGenerateName() != "" {
			key.Name = fmt.Sprintf("%s%d", object.GetGenerateName(), i)
		}
		if _, ok := byKey[key]; !ok {
			order = append(order, key)
		}
		byKey[key] = object
	}
	var targets []*unstructured.Unstructured
	for _, key := range order {
		object := byKey[key]
		if isDeleteHook(object) && len(hook.Types(object)) == 0 {
			continue
		}
		annotations := object.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[tracking] = trackingOf(op.order.App, object)
		object.SetAnnotations(annotations)
		targets = append(targets, object)
	}
	return targets
}

func isDeleteHook(object *unstructured.Unstructured) bool {
	words := append(resource.GetAnnotationCSVs(object, "argocd.argoproj.io/hook"), resource.GetAnnotationCSVs(object, "helm.sh/hook")...)
	return slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains([]string{"PreDelete", "PostDelete", "pre-delete", "post-delete"}, word)
	})
}

// owns says whether an object belongs to the application.
func (op *operation) owns(object *cache.Resource) bool {
	return belongs(object, op.order.App)
}
