// Command echo-server answers every HTTP request with the request, as JSON. The port is PORT, or 80.
package main

import (
	"cmp"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	address := ":" + cmp.Or(os.Getenv("PORT"), "80")
	log.Printf("Listening on %s", address)
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(echo)))
}

func echo(answer http.ResponseWriter, asked *http.Request) {
	hostname, _ := os.Hostname()
	text, _ := io.ReadAll(io.LimitReader(asked.Body, 1<<20))
	var body any = string(text)
	var parsed any
	if json.Unmarshal(text, &parsed) == nil {
		body = parsed
	}
	headers := map[string]string{"host": asked.Host}
	for name, values := range asked.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	query := map[string]string{}
	for name, values := range asked.URL.Query() {
		query[name] = strings.Join(values, ",")
	}
	log.Printf("%s %s", asked.Method, asked.URL)
	answer.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(answer).Encode(map[string]any{
		"host":        map[string]any{"hostname": asked.Host, "ip": asked.RemoteAddr},
		"http":        map[string]any{"method": asked.Method, "originalUrl": asked.URL.RequestURI(), "protocol": "http"},
		"request":     map[string]any{"query": query, "body": body, "headers": headers},
		"environment": map[string]any{"HOSTNAME": hostname},
	})
}
