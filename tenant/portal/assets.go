package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The base of the look is Pico (MIT, see assets/pico-LICENSE.md), unchanged; what is ours comes after it.
var (
	//go:embed assets/pico.css
	picoCSS []byte
	//go:embed assets/portal.css
	portalCSS []byte
	//go:embed assets/portal.js
	portalJS []byte
)

// assets are the two files that pages need. Their addresses change with what is in them, so that a browser keeps them for good.
type assets struct {
	css, js asset
}

type asset struct {
	url     string
	mime    string
	plain   []byte
	gzipped []byte
}

func newAssets(prefix string, b Brand) (assets, error) {
	css := bytes.Join([][]byte{picoCSS, portalCSS, []byte(b.tokens())}, []byte("\n"))
	style, err := newAsset(prefix, "portal.css", "text/css; charset=utf-8", css)
	if err != nil {
		return assets{}, err
	}
	script, err := newAsset(prefix, "portal.js", "text/javascript; charset=utf-8", portalJS)
	return assets{style, script}, err
}

func newAsset(prefix, name, mime string, body []byte) (asset, error) {
	sum := sha256.Sum256(body)
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return asset{}, fmt.Errorf("portal: compressing %s: %w", name, err)
	}
	return asset{url: prefix + "/assets/" + hex.EncodeToString(sum[:8]) + "/" + name, mime: mime, plain: body, gzipped: z.Bytes()}, nil
}

func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.mime)
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	header.Set("Vary", "Accept-Encoding")
	body := a.plain
	if acceptsGzip(r) {
		header.Set("Content-Encoding", "gzip")
		body = a.gzipped
	}
	_, _ = w.Write(body)
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, given := strings.CutPrefix(strings.ReplaceAll(quality, " ", ""), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return !given || err == nil && n > 0
		}
	}
	return false
}
