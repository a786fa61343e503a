package main

import (
	"fmt"

	"cel.dev/cel-go/cel"
)

// expressions are a check of Flux's, compiled, in the order in which they are asked.
type expressions []struct {
	means   string
	program cel.Program
}

func checks(texts map[string]string) (expressions, error) {
	env, err := cel.NewEnv(
		cel.Variable("metadata", cel.DynType), cel.Variable("spec", cel.DynType), cel.Variable("status", cel.DynType),
	)
	if err != nil {
		return nil, err
	}
	var all expressions
	for _, expression := range []struct{ name, means string }{
		{"inProgress", "Progressing"}, {"failed", "Degraded"}, {"current", "Healthy"},
	} {
		text, ok := texts[expression.name]
		if !ok {
			continue
		}
		ast, issues := env.Compile(text)
		if issues != nil && issues.Err() != nil {
			return nil, issues.Err()
		}
		program, err := env.Program(ast)
		if err != nil {
			return nil, err
		}
		all = append(all, struct {
			means   string
			program cel.Program
		}{expression.means, program})
	}
	return all, nil
}

func (e expressions) judge(object map[string]any) (string, error) {
	for _, expression := range e {
		found, _, err := expression.program.Eval(map[string]any{
			"metadata": object["metadata"], "spec": object["spec"], "status": object["status"],
		})
		if err != nil {
			return "", err
		}
		is, ok := found.Value().(bool)
		if !ok {
			return "", fmt.Errorf("%s is not a boolean", expression.means)
		}
		if is {
			return expression.means, nil
		}
	}
	return "Progressing", nil
}
