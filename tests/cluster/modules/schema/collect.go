package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	registration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kubernetes/pkg/generated/openapi"
)

// kind is a built-in kind: what is served under its name, and the type of its objects.
type kind struct {
	schema.GroupVersionKind
	resource
	of string
}

// field is a field of a type.
type field struct {
	name     string // empty for a struct whose fields are in JSON those of the type itself
	number   int    // 0 where protobuf doesn't have it
	of       string
	pointer  bool
	empty    bool // omitempty
	zero     bool // omitzero
	required bool
	words    []string // what the API server's OpenAPI says beyond that
}

type table struct {
	version     string
	kinds       []kind
	types       map[string][]field
	atomic      map[string]bool
	definitions map[string]common.OpenAPIDefinition
}

// leaves are types that JSON and protobuf write in a way of their own.
var leaves = map[reflect.Type]string{
	reflect.TypeOf(meta.Time{}):                                  "time",
	reflect.TypeOf(meta.MicroTime{}):                             "microtime",
	reflect.TypeOf(meta.Duration{}):                              "duration",
	reflect.TypeOf(meta.FieldsV1{}):                              "fields",
	reflect.TypeOf(quantity.Quantity{}):                          "quantity",
	reflect.TypeOf(intstr.IntOrString{}):                         "int-or-string",
	reflect.TypeOf(runtime.RawExtension{}):                       "raw",
	reflect.TypeOf(apiextensions.JSON{}):                         "json",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrBool{}):        "props-or-bool",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrArray{}):       "props-or-array",
	reflect.TypeOf(apiextensions.JSONSchemaPropsOrStringArray{}): "props-or-strings",
}

func collect(directory string) (*table, error) {
	served, err := resources(directory)
	if err != nil {
		return nil, err
	}
	release, err := version()
	if err != nil {
		return nil, err
	}
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, apiextensions.AddToScheme, registration.AddToScheme} {
		if err := add(known); err != nil {
			return nil, err
		}
	}
	reference := func(name string) spec.Ref { return spec.MustCreateRef("#/" + name) }
	made := &table{
		version:     release,
		types:       map[string][]field{},
		atomic:      map[string]bool{},
		definitions: openapi.GetOpenAPIDefinitions(reference),
	}
	for name, one := range served {
		of, err := known.New(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		found, err := made.take(reflect.TypeOf(of).Elem())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made.kinds = append(made.kinds, kind{GroupVersionKind: name, resource: *one, of: found})
	}
	if _, err := made.take(reflect.TypeOf(meta.DeleteOptions{})); err != nil {
		return nil, err
	}
	if _, err := made.take(reflect.TypeOf(apiextensions.JSONSchemaProps{})); err != nil {
		return nil, err
	}
	sort.Slice(made.kinds, func(a, b int) bool {
		return made.kinds[a].String() < made.kinds[b].String()
	})
	return made, nil
}

// name returns the short name of a type: apps/v1.DeploymentSpec.
func name(of reflect.Type) string {
	path := strings.Split(of.PkgPath(), "/")
	return strings.Join(path[max(0, len(path)-2):], "/") + "." + of.Name()
}

// model returns the name of a type in the API server's OpenAPI.
func model(of reflect.Type) string {
	if named, ok := reflect.Zero(of).Interface().(interface{ OpenAPIModelName() string }); ok {
		return named.OpenAPIModelName()
	}
	return of.PkgPath() + "." + of.Name()
}

// take adds a struct and all that it reaches.
func (t *table) take(of reflect.Type) (string, error) {
	called := name(of)
	if _, ok := t.types[called]; ok {
		return called, nil
	}
	t.types[called] = nil
	definition := t.definitions[model(of)].Schema
	if text, _ := definition.Extensions["x-kubernetes-map-type"].(string); text == "atomic" {
		t.atomic[called] = true
	}
	var fields []field
	for i := range of.NumField() {
		member := of.Field(i)
		one, err := t.member(member, definition)
		if err != nil {
			return "", fmt.Errorf("%s.%s: %w", called, member.Name, err)
		}
		fields = append(fields, one...)
	}
	t.types[called] = fields
	return called, nil
}

func (t *table) member(member reflect.StructField, definition spec.Schema) ([]field, error) {
	words := strings.Split(member.Tag.Get("json"), ",")
	if words[0] == "-" || !member.IsExported() {
		return nil, nil
	}
	one := field{name: words[0]}
	for _, word := range words[1:] {
		one.empty = one.empty || word == "omitempty"
		one.zero = one.zero || word == "omitzero"
	}
	if member.Type == reflect.TypeOf(meta.TypeMeta{}) {
		return []field{{name: "kind", of: "string", empty: true}, {name: "apiVersion", of: "string", empty: true}}, nil
	}
	if tag := strings.Split(member.Tag.Get("protobuf"), ","); len(tag) > 1 {
		number, err := strconv.Atoi(tag[1])
		if err != nil {
			return nil, err
		}
		one.number = number
	}
	of := member.Type
	if of.Kind() == reflect.Pointer {
		one.pointer = true
		of = of.Elem()
	}
	var err error
	if one.of, err = t.of(of); err != nil {
		return nil, err
	}
	if one.name != "" {
		for _, required := range definition.Required {
			one.required = one.required || required == one.name
		}
		property, ok := definition.Properties[one.name]
		if !ok {
			return nil, fmt.Errorf("is not in the OpenAPI of %v", definition.Title)
		}
		one.words = said(property, of)
	}
	return []field{one}, nil
}

// of returns how the table writes a type, and adds the structs in it.
func (t *table) of(of reflect.Type) (string, error) {
	if leaf, ok := leaves[of]; ok {
		return leaf, nil
	}
	switch of.Kind() {
	case reflect.String:
		return "string", nil
	case reflect.Bool:
		return "bool", nil
	case reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Float64, reflect.Uint8:
		return of.Kind().String(), nil
	case reflect.Slice:
		if of.Elem().Kind() == reflect.Uint8 {
			return "bytes", nil
		}
		inner, err := t.of(of.Elem())
		if of.Name() != "" {
			// protobuf has no list of lists: such a type is a message with the list in its first field.
			return "items:" + inner, err
		}
		return "[]" + inner, err
	case reflect.Map:
		if of.Key().Kind() != reflect.String {
			return "", fmt.Errorf("a map with keys of type %v", of.Key())
		}
		inner, err := t.of(of.Elem())
		return "{}" + inner, err
	case reflect.Pointer:
		return t.of(of.Elem())
	case reflect.Struct:
		return t.take(of)
	default:
		return "", fmt.Errorf("the type %v is unknown", of)
	}
}

// said returns what OpenAPI says of a field, as the words of its line.
func said(property spec.Schema, of reflect.Type) []string {
	var words []string
	text := func(key string) string {
		found, _ := property.Extensions["x-kubernetes-"+key].(string)
		return found
	}
	switch text("list-type") {
	case "atomic":
		words = append(words, "atomic")
	case "set":
		words = append(words, "set")
	case "map":
		words = append(words, "map="+strings.Join(list(property.Extensions["x-kubernetes-list-map-keys"]), ","))
	}
	if text("map-type") == "atomic" {
		words = append(words, "atomic")
	}
	if key := text("patch-merge-key"); key != "" {
		words = append(words, "key="+key)
	}
	if strategy := text("patch-strategy"); strategy != "" {
		words = append(words, "patch="+strategy)
	}
	if property.Default != nil && of.Kind() != reflect.Struct {
		zero := reflect.Zero(of).Interface()
		written, _ := json.Marshal(property.Default)
		if plain, _ := json.Marshal(zero); string(plain) != string(written) {
			words = append(words, "default="+string(written))
		}
	}
	enum := property.Enum
	if property.Items != nil && property.Items.Schema != nil && len(enum) == 0 {
		enum = property.Items.Schema.Enum
	}
	if len(enum) > 0 {
		var values []string
		for _, value := range enum {
			values = append(values, fmt.Sprint(value))
		}
		words = append(words, "enum="+strings.Join(values, "|"))
	}
	return words
}

func list(value any) []string {
	var texts []string
	for _, one := range value.([]interface{}) {
		texts = append(texts, one.(string))
	}
	return texts
}
