package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// deadline is how long Argo CD lets a script run.
const deadline = time.Second

// libraries are those that a script of an argocd-cm gets.
var libraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
}

func compile(script string) (*lua.FunctionProto, error) {
	chunk, err := parse.Parse(strings.NewReader(script), "health.lua")
	if err != nil {
		return nil, err
	}
	return lua.Compile(chunk, "health.lua")
}

// byLua asks in a state of its own: by what was compiled before, or by the script.
func byLua(object map[string]any, compiled *lua.FunctionProto, script string) (string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range libraries {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}, lua.LString(library.name)); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", value(state, object))
	var err error
	if compiled != nil {
		state.Push(state.NewFunctionFromProto(compiled))
		err = state.PCall(0, lua.MultRet, nil)
	} else {
		err = state.DoString(script)
	}
	if err != nil {
		return "", err
	}
	table, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return "", errors.New("the script returned no table")
	}
	// Argo CD reads the answer from JSON, too.
	answer := map[string]string{}
	table.ForEach(func(key, value lua.LValue) { answer[key.String()] = value.String() })
	text, err := json.Marshal(answer)
	if err != nil {
		return "", err
	}
	var health struct{ Status, Message string }
	if err := json.Unmarshal(text, &health); err != nil {
		return "", err
	}
	return health.Status, nil
}

// value makes tables of an object.
func value(state *lua.LState, from any) lua.LValue {
	switch from := from.(type) {
	case bool:
		return lua.LBool(from)
	case float64:
		return lua.LNumber(from)
	case string:
		return lua.LString(from)
	case []any:
		table := state.CreateTable(len(from), 0)
		for _, element := range from {
			table.Append(value(state, element))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(from))
		for key, member := range from {
			table.RawSetH(lua.LString(key), value(state, member))
		}
		return table
	default:
		return lua.LNil
	}
}
