// Command curl sends one HTTP request and prints the answer: as much of the real curl as hooks of tests use.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// The real curl's exit codes.
const (
	failedInit    = 2
	cannotResolve = 6
	cannotConnect = 7
	httpError     = 22
	cannotWrite   = 23
	timedOut      = 28
	failedReceive = 56
)

// request is what the command line asks for.
type request struct {
	method, url, output   string
	data                  []string
	headers               []string
	silent, showError     bool
	fail, include, follow bool
	limit                 time.Duration
}

var long = map[string]byte{
	"request": 'X', "data": 'd', "data-raw": 'd', "header": 'H', "silent": 's', "show-error": 'S', "fail": 'f',
	"include": 'i', "location": 'L', "output": 'o', "max-time": 'm', "insecure": 'k',
}

func main() {
	asked, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "curl: %v\n", err)
		os.Exit(failedInit)
	}
	code, err := asked.send()
	if err != nil && (!asked.silent || asked.showError) {
		fmt.Fprintf(os.Stderr, "curl: (%d) %v\n", code, err)
	}
	os.Exit(code)
}

func parse(args []string) (*request, error) {
	asked := &request{}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if name, found := strings.CutPrefix(word, "--"); found {
			letter, known := long[name]
			if !known {
				return nil, fmt.Errorf("option %s: is unknown", word)
			}
			word = "-" + string(letter)
		}
		if len(word) < 2 || word[0] != '-' {
			asked.url = word
			continue
		}
		for word = word[1:]; word != ""; {
			letter := word[0]
			word = word[1:]
			if asked.flag(letter) {
				continue
			}
			value := word
			word = ""
			if value == "" {
				if len(args) == 0 {
					return nil, fmt.Errorf("option -%c: requires parameter", letter)
				}
				value, args = args[0], args[1:]
			}
			if err := asked.value(letter, value); err != nil {
				return nil, err
			}
		}
	}
	if asked.url == "" {
		return nil, errors.New("no URL specified")
	}
	if !strings.Contains(asked.url, "://") {
		asked.url = "http://" + asked.url
	}
	return asked, nil
}

// flag takes an option that stands alone; false means that it is none.
func (asked *request) flag(letter byte) bool {
	switch letter {
	case 's':
		asked.silent = true
	case 'S':
		asked.showError = true
	case 'f':
		asked.fail = true
	case 'i':
		asked.include = true
	case 'L':
		asked.follow = true
	case 'k', 'v':
	default:
		return false
	}
	return true
}

func (asked *request) value(letter byte, value string) error {
	switch letter {
	case 'X':
		asked.method = value
	case 'd':
		asked.data = append(asked.data, value)
	case 'H':
		asked.headers = append(asked.headers, value)
	case 'o':
		asked.output = value
	case 'm':
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return fmt.Errorf("option -m: %q is not a number of seconds", value)
		}
		asked.limit = time.Duration(seconds * float64(time.Second))
	default:
		return fmt.Errorf("option -%c: is unknown", letter)
	}
	return nil
}

func (asked *request) send() (int, error) {
	var body io.Reader
	method := asked.method
	if len(asked.data) > 0 {
		body = strings.NewReader(strings.Join(asked.data, "&"))
		if method == "" {
			method = http.MethodPost
		}
	}
	call, err := http.NewRequest(method, asked.url, body)
	if err != nil {
		return 3, err
	}
	call.Header.Set("Accept", "*/*")
	call.Header.Set("User-Agent", "curl/8")
	if body != nil {
		call.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, header := range asked.headers {
		name, value, _ := strings.Cut(header, ":")
		call.Header.Set(name, strings.TrimSpace(value))
		if strings.EqualFold(name, "host") {
			call.Host = strings.TrimSpace(value)
		}
	}
	client := &http.Client{Timeout: asked.limit}
	if !asked.follow {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	answer, err := client.Do(call)
	if err != nil {
		return reason(err), err
	}
	defer answer.Body.Close()
	if asked.fail && answer.StatusCode >= 400 {
		return httpError, fmt.Errorf("the requested URL returned error: %d", answer.StatusCode)
	}
	out := os.Stdout
	if asked.output != "" {
		if out, err = os.Create(asked.output); err != nil {
			return cannotWrite, err
		}
	}
	if asked.include {
		fmt.Fprintf(out, "%s %s\r\n", answer.Proto, answer.Status)
		answer.Header.Write(out)
		fmt.Fprint(out, "\r\n")
	}
	if _, err := io.Copy(out, answer.Body); err != nil {
		return failedReceive, err
	}
	return 0, nil
}

func reason(err error) int {
	var name *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &name):
		return cannotResolve
	case errors.As(err, &timeout) && timeout.Timeout():
		return timedOut
	default:
		return cannotConnect
	}
}
