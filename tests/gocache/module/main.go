// What the tests of bus-gocache build: a large part of the standard library, an embedded file, and C where there is a compiler.
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"example.test/probe/sum"
	"example.test/probe/words"
)

//go:embed text
var text []byte

type report struct {
	Words  int    `json:"words"`
	Sum    uint32 `json:"sum"`
	Status string `json:"status"`
}

func main() {
	line, err := json.Marshal(report{words.Count(string(text)), sum.Of(text), http.StatusText(http.StatusOK)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(line))
}
