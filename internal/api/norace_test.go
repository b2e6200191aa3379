//go:build !race

package api_test

const dropped = 0
