package torture

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"personae.dev/internal/machinetest"
)

// written notes which personas were acknowledged, and what else was answered.
type written struct {
	mu       sync.Mutex
	oIDs     []string
	statuses map[int]int
}

// write creates personas with several clients until each was refused so often.
func (w *written) write(t *testing.T, s *server, refusals int) {
	t.Helper()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second}
			for n, refused := 0, 0; refused < refusals && n < 100_000; n++ {
				body := fmt.Sprintf(`{"name":"VP %d","painPoints":[%q]}`, n, strings.Repeat("too slow ", 500))
				status, answer, err := s.ask(client, http.MethodPost, "/api/v2/persona/create", body)
				if err != nil {
					t.Errorf("no answer: %v", err)
					return
				}
				var made struct{ Data struct{ OID string } }
				if status == http.StatusOK {
					if err := json.Unmarshal(answer, &made); err != nil || made.Data.OID == "" {
						t.Errorf("%s: %v", answer, err)
					}
				} else {
					refused++
					if !strings.Contains(string(answer), `"code":"unavailable"`) {
						t.Errorf("refused with %s", answer)
					}
				}
				w.mu.Lock()
				w.statuses[status]++
				if made.Data.OID != "" {
					w.oIDs = append(w.oIDs, made.Data.OID)
				}
				w.mu.Unlock()
			}
		})
	}
	group.Wait()
}

// check asks for every persona that was acknowledged.
func (w *written) check(t *testing.T, s *server) {
	t.Helper()
	lost := 0
	for _, oID := range w.oIDs {
		if status, _, err := s.ask(http.DefaultClient, http.MethodGet, "/api/v2/persona/get?oId="+oID, ""); err != nil || status != http.StatusOK {
			lost++
		}
	}
	figure(t, "of %d acknowledged personas %d are lost; statuses of creates: %v", len(w.oIDs), lost, w.statuses)
	if lost > 0 {
		t.Errorf("%d acknowledged personas are lost", lost)
	}
}

// TestDiskFills fills the disk under a server that writes, makes room, and goes
// on without a restart.
func TestDiskFills(t *testing.T) { //nolint:paralleltest // it measures
	disk := machinetest.Disk(t, "24m")
	ballast := filepath.Join(disk, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 8<<20), 0o600))
	s := start(t, disk, "")
	w := &written{statuses: map[int]int{}}
	w.write(t, s, 20)
	for status := range w.statuses {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
	for _, path := range []string{"/healthz", listPath} {
		if status, body, err := s.ask(http.DefaultClient, http.MethodGet, path, ""); err != nil || status != http.StatusOK {
			t.Errorf("%s with a full disk: %d %s %v", path, status, body, err)
		}
	}
	// A small write may still find room, or not.
	status, body, err := s.ask(http.DefaultClient, http.MethodGet, "/readyz", "")
	if err != nil || status != http.StatusOK && (status != http.StatusServiceUnavailable || !strings.Contains(string(body), "is full")) {
		t.Errorf("/readyz with a full disk: %d %s %v", status, body, err)
	}
	w.check(t, s)
	must(t, os.Remove(ballast))
	began, before := time.Now(), len(w.oIDs)
	until(t, 10*time.Second, "an acknowledged write", func() bool {
		status, _, err := s.ask(http.DefaultClient, http.MethodPost, "/api/v2/persona/create", `{"name":"After"}`)
		return err == nil && status == http.StatusOK
	})
	figure(t, "with room again, the first write was acknowledged after %s, without a restart", time.Since(began).Round(time.Millisecond))
	w.write(t, s, 20)
	if len(w.oIDs) == before {
		t.Error("nothing was written into the new room")
	}
	s.kill()
	w.check(t, start(t, disk, s.key))
}

// TestDiskReadOnly makes the disk of a library read-only. The kernel does not do
// that while a server has files open, so that one starts on it.
func TestDiskReadOnly(t *testing.T) { //nolint:paralleltest // it measures
	disk := machinetest.Disk(t, "24m")
	s := start(t, disk, "")
	for range 50 {
		status, body, err := s.ask(http.DefaultClient, http.MethodPost, "/api/v2/persona/create", `{"name":"VP"}`)
		if err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, body, err)
		}
	}
	remount := func(flags uintptr) error {
		return syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|flags, "size=24m")
	}
	figure(t, "remount read-only under a running server: %v", remount(syscall.MS_RDONLY))
	s.kill() // its log stays, and has to be played
	must(t, remount(syscall.MS_RDONLY))
	out, err := exec.Command(binary, "serve", "--listen", "127.0.0.1:0", "--database", "sqlite:"+filepath.Join(disk, "personae.db")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "read-only") {
		t.Errorf("a server on a read-only disk: %v\n%s", err, out)
	}
	figure(t, "start on a read-only disk: %s", strings.TrimSpace(string(out)))
	must(t, remount(0))
	s = start(t, disk, s.key)
	_, list, err := s.ask(http.DefaultClient, http.MethodGet, "/api/v2/persona/list", "")
	must(t, err)
	var page struct{ Total int }
	must(t, json.Unmarshal(list, &page))
	figure(t, "writable again: %d of 50 acknowledged personas are there", page.Total)
	if page.Total != 50 {
		t.Errorf("%d personas, want 50", page.Total)
	}
}
