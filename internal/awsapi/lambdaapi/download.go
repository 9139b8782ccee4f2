package lambdaapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// CodePath is where deployment packages are downloaded. The link is like one
// that S3 has presigned: whoever holds it may read that one package for ten
// minutes, without credentials.
const CodePath = "/_lambent/code/"

// linkLife is how long a link is good (API reference, FunctionCodeLocation).
const linkLife = 10 * time.Minute

// links makes and reads signed links to deployment packages.
type links struct {
	key      []byte
	now      func() time.Time
	endpoint func() string
}

// sign makes the link to a package.
func (l *links) sign(code lambda.Code) string {
	name := base64.RawURLEncoding.EncodeToString([]byte(code.SHA256))
	size := strconv.FormatInt(code.Size, 10)
	expires := strconv.FormatInt(l.now().Add(linkLife).Unix(), 10)
	query := url.Values{"Size": {size}, "Expires": {expires}, "Signature": {l.mac(name, size, expires)}}
	return strings.TrimSuffix(l.endpoint(), "/") + CodePath + name + "?" + query.Encode()
}

func (l *links) mac(name, size, expires string) string {
	h := hmac.New(sha256.New, l.key)
	h.Write([]byte(name + "\n" + size + "\n" + expires))
	return hex.EncodeToString(h.Sum(nil))
}

// read returns the package of a link, or why the link is no good.
func (l *links) read(u *url.URL) (code lambda.Code, refusal string) {
	name := strings.TrimPrefix(u.Path, CodePath)
	query := u.Query()
	size, expires := query.Get("Size"), query.Get("Expires")
	if !hmac.Equal([]byte(l.mac(name, size, expires)), []byte(query.Get("Signature"))) {
		return code, "Access Denied"
	}
	// All three were signed by us, so they are what sign wrote.
	until, _ := strconv.ParseInt(expires, 10, 64)
	if l.now().Unix() >= until {
		return code, "Request has expired"
	}
	digest, _ := base64.RawURLEncoding.DecodeString(name)
	code.SHA256 = string(digest)
	code.Size, _ = strconv.ParseInt(size, 10, 64)
	return code, ""
}

// download answers like S3, whose place it takes.
func (a *API) download(w http.ResponseWriter, r *http.Request) {
	id := awsapi.Stamp(w)
	defer a.service.Survive(w, r, id)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuseLink(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
		return
	}
	code, refusal := a.codes.read(r.URL)
	if refusal != "" {
		refuseLink(w, http.StatusForbidden, "AccessDenied", refusal)
		return
	}
	zip, err := a.Content.Open(r.Context(), code)
	if err != nil {
		a.Log.Error("deployment package can't be read", "request", id, "sha256", code.SHA256, "error", err)
		refuseLink(w, http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
		return
	}
	defer func() { _ = zip.Close() }() // it was only read
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("ETag", `"`+strings.TrimPrefix(r.URL.Path, CodePath)+`"`)
	http.ServeContent(w, r, "", time.Time{}, zip)
}

func refuseLink(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"))
}
