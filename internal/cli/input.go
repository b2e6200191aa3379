package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"personae.dev/internal/cli/format"
	"personae.dev/internal/errs"
)

// input is a file to import.
type input struct {
	*os.File
	size int64
	temp bool
}

func (in *input) close() {
	_ = in.Close()
	if in.temp {
		_ = os.Remove(in.Name()) // it may be gone already
	}
}

// openInput opens what is to be imported. What is not a regular file, such as
// stdin or a pipe, is copied first, so that nobody waits for the database while it
// arrives slowly.
func openInput(ctx context.Context, stdio format.Stdio, file string) (*input, error) {
	if file == "-" {
		return copyInput(ctx, stdio, stdio.In)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, errs.BadSettingf("The file cannot be read: %s.", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errs.BadSettingf("%s is a folder: name a file.", file)
	case info.Mode().IsRegular():
		return &input{File: f, size: info.Size()}, nil
	default:
		defer f.Close()
		return copyInput(ctx, stdio, f)
	}
	return nil, errors.Join(err, f.Close())
}

// copyInput copies from into a temporary file, which close removes.
func copyInput(ctx context.Context, stdio format.Stdio, from io.Reader) (*input, error) {
	f, err := os.CreateTemp("", "personae-import-*")
	if err != nil {
		return nil, fmt.Errorf("import: keep the input in a file: %w", err)
	}
	_ = os.Remove(f.Name()) // at once, where the system allows it for an open file
	in := &input{File: f, temp: true}
	bar := format.Progress(stdio.Err, -1, "reading")
	copying := make(chan error, 1)
	go func() {
		var err error
		in.size, err = io.Copy(io.MultiWriter(f, bar), from)
		copying <- err
	}()
	select {
	case err = <-copying:
	case <-ctx.Done():
		in.close() // reading may never end; closing the file ends the next write
		return nil, ctx.Err()
	}
	_ = bar.Finish()
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		in.close()
		return nil, fmt.Errorf("import: keep the input in a file: %w", err)
	}
	return in, nil
}
