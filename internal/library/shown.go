package library

import "personae.dev/internal/entity"

// WithQuestionIDs returns the body of what was written, with the ids of
// qualifying questions, which Document does not show.
func (l *Library) WithQuestionIDs(k *entity.Kind, w *Written) ([]byte, error) {
	row := &k.Store("", w.Entity).Row
	document, err := k.DocumentWithQuestionIDs(row)
	if err != nil {
		return nil, err
	}
	// What is joined follows the members of the document.
	joined := w.Body[len(row.Document)-1:]
	return append(document[:len(document)-1], joined...), nil
}
