package httpx

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
)

// WriteText answers 200 with a text of a media type.
func WriteText(w http.ResponseWriter, mediaType, text string) error {
	return writeAs(w, http.StatusOK, mediaType+"; charset=utf-8", []byte(text))
}

// AcceptsGzip tells whether the Accept-Encoding fields of r allow gzip, as RFC 9110,
// section 12.5.3, has it: by its own entry, or else by that of "*".
func AcceptsGzip(r *http.Request) bool {
	quality := map[string]string{}
	for entry := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, params, _ := strings.Cut(entry, ";")
		_, q, _ := strings.Cut(params, "=")
		quality[strings.ToLower(strings.TrimSpace(coding))] = cmp.Or(strings.TrimSpace(q), "1")
	}
	q, ok := quality["gzip"]
	if !ok {
		q, ok = quality["*"]
	}
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(q, 64)
	return err == nil && f > 0
}
