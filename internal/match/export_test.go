package match

import (
	"compress/gzip"
	"io"
	"strings"
)

// Occupations returns the embedded occupations as personas.
func Occupations() ([]Persona, error) {
	file, err := files.Open("data/occupations.txt.gz")
	if err != nil {
		return nil, err
	}
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		return nil, err
	}
	var personas []Persona
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		personas = append(personas, Persona{OID: fields[0], Name: fields[1], Titles: fields[2:], Active: true})
	}
	return personas, nil
}
