package peers

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantgate/tenantgate/store/storetest/pgtest"
)

// files are what the peers' programs are made of. As a part of the test, a change of them runs it again.
//
//go:embed scim2tester scimple
var files embed.FS

// need skips, or fails with CI=true, and says what to install.
func need(t *testing.T, err error, what string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}

// cache is a folder that outlives the test, where the system has one for that.
func cache(t *testing.T) string {
	t.Helper()
	dir, err := os.UserCacheDir()
	if err != nil {
		return t.TempDir()
	}
	dir = filepath.Join(dir, "tenantgate-peers")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

// check holds results against the list, and writes the report that CI prints.
func check(t *testing.T, list, title string, results []result) {
	t.Helper()
	k := readKnown(t, list)
	table := k.table(title, results)
	t.Log(table)
	if dir := os.Getenv("PEER_REPORT_DIR"); dir != "" {
		file := strings.NewReplacer("/", "-").Replace(t.Name()) + ".txt"
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(table), 0o600))
	}
	for _, problem := range k.judge(results) {
		t.Error(problem)
	}
}

const needPython = "install Python 3.11 or later with venv (Debian: apt-get install python3-venv) and let pip reach its index, to run scim2-tester"

// python returns the interpreter of an environment in which the suite is installed. It is made once for each content of
// requirements.txt and each Python.
func python(t *testing.T) string {
	t.Helper()
	version, err := run(t, os.Environ(), "python3", "-c", "import ensurepip, sys; print(sys.executable, sys.version)")
	need(t, err, needPython)
	requirements, err := files.ReadFile("scim2tester/requirements.txt")
	require.NoError(t, err)
	sum := sha256.Sum256(append(version, requirements...))
	dir := filepath.Join(cache(t), "scim2-tester-"+hex.EncodeToString(sum[:8]))
	interpreter := filepath.Join("bin", "python")
	if _, err := os.Stat(filepath.Join(dir, interpreter)); err == nil {
		return filepath.Join(dir, interpreter)
	}

	// Made beside and renamed when it is whole: no later run finds half of it.
	half, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	require.NoError(t, err)
	defer os.RemoveAll(half)
	for _, command := range [][]string{
		{"python3", "-m", "venv", half},
		{filepath.Join(half, interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "scim2tester/requirements.txt"},
		{filepath.Join(half, interpreter), "-m", "pip", "check"},
	} {
		_, err := run(t, os.Environ(), command[0], command[1:]...)
		need(t, err, needPython)
	}
	if err := os.Rename(half, dir); !errors.Is(err, fs.ErrExist) { // somebody else was faster
		require.NoError(t, err)
	}
	return filepath.Join(dir, interpreter)
}

func TestSCIM2Tester(t *testing.T) {
	interpreter := python(t)
	for name, store := range map[string]func(t *testing.T) string{
		"memory":   func(*testing.T) string { return "memory" },
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "quickstart.db") },
		"postgres": func(t *testing.T) string { return pgtest.Start(t).Schema(t) },
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, started(t, store(t)), interpreter, "scim2tester/run.py")
			require.NoError(t, err)
			var results []result
			for line := range bytes.Lines(out) {
				var r struct{ Check, Status, Says string }
				require.NoError(t, json.Unmarshal(line, &r), "%s", line)
				// Whatever is not a success, SKIPPED too, is a failure for the suite's own command.
				results = append(results, result{r.Check, r.Status == "SUCCESS", r.Says})
			}
			check(t, "scim2tester/known.md", "scim2-tester on "+name, results)
		})
	}
}

const needJava = "install a JDK 17 or later and Maven (Debian: apt-get install default-jdk-headless maven) and let Maven reach its central repository, to run Apache SCIMple"

// testSuite is a report of Maven's surefire.
type testSuite struct {
	Cases []struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Failure *outcome `xml:"failure"`
		Error   *outcome `xml:"error"`
		Skipped *outcome `xml:"skipped"`
	} `xml:"testcase"`
}

type outcome struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func TestSCIMple(t *testing.T) {
	for _, tool := range []string{"javac", "mvn"} {
		_, err := exec.LookPath(tool)
		need(t, err, needJava)
	}
	target := filepath.Join(t.TempDir(), "target")
	// A check that fails is in the reports; Maven's own error is that something was not there.
	_, err := run(t, started(t, "memory"), "mvn", "--batch-mode", "--no-transfer-progress", "--quiet", "--file", "scimple",
		"-Dpeers.target="+target, "-Dmaven.test.failure.ignore=true", "test")
	need(t, err, needJava)
	reports, err := filepath.Glob(filepath.Join(target, "surefire-reports", "TEST-*.xml"))
	require.NoError(t, err)
	var results []result
	for _, file := range reports {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var suite testSuite
		require.NoError(t, xml.Unmarshal(text, &suite), file)
		for _, c := range suite.Cases {
			r := result{check: strings.TrimPrefix(c.Class, "peers.") + "." + c.Name, ok: true}
			for _, o := range []*outcome{c.Failure, c.Error, c.Skipped} {
				if o != nil {
					r.ok, r.says = false, o.Message+" "+o.Text
				}
			}
			results = append(results, r)
		}
	}
	check(t, "scimple/known.md", "Apache SCIMple on memory", results)
}
