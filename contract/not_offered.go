package contract

import (
	"path"
	"strings"
)

// NotOffered is a group of calls that Octave publishes and Personae answers with
// 501 not_offered.
type NotOffered struct {
	// Paths begin the paths of the group below /api/v2/. In a segment, * stands
	// for any text.
	Paths []string
	// Reason says in words why there is no such call, and what to do instead.
	Reason string
}

// AllNotOffered returns every group.
func AllNotOffered() []NotOffered {
	return []NotOffered{
		{[]string{"agents/*/run"}, "Personae runs agents of the types QUALIFY_PERSON and QUALIFY_COMPANY alone: it writes nothing, and has no research data."},
		{[]string{"agents/experiment"}, "Personae has no experiments between agents: compare the agents with a tool of your own."},
		{[]string{"agents/workspace"}, "Personae cannot research a company: make a workspace with `personae workspace create`, and fill it with `personae import`."},
		{[]string{"context"}, "Personae writes no answers from the library: search it with `list?text=`."},
		{[]string{"motion", "motion-playbook", "motion-icp"}, "Personae has no motions: use playbooks, segments and personas."},
		{[]string{"resource"}, "Personae keeps no documents: put what they say into the fields of an entity."},
		{[]string{"suggestion"}, "Personae makes no suggestions, because it records no conversations: change the entities, and see `revision/list` for what was changed."},
		{[]string{"brand-voice/apply"}, "Personae keeps brand voices, and rewrites no texts: give the voice to your own model."},
		{[]string{"headless"}, "Personae has no research data of people and companies."},
		{[]string{"async"}, "Personae has no calls that run in the background: use the call itself."},
		{[]string{"workflows"}, "Personae runs no workflows: use a tool such as n8n."},
		{[]string{"event", "finding", "insights", "report-*", "analytics"}, "Personae records no calls, emails or events, so it has nothing to report on."},
	}
}

// WhyNotOffered returns the reason why the call at a path is not offered, ""
// where the path is not one of those.
func WhyNotOffered(urlPath string) string {
	rest, ok := strings.CutPrefix(urlPath, "/api/v2/")
	if !ok {
		return ""
	}
	segments := strings.Split(rest, "/")
	for _, group := range AllNotOffered() {
		for _, pattern := range group.Paths {
			if begins(segments, strings.Split(pattern, "/")) {
				return group.Reason
			}
		}
	}
	return ""
}

// begins tells whether segments begin with what matches the patterns.
func begins(segments, patterns []string) bool {
	if len(segments) < len(patterns) {
		return false
	}
	for i, pattern := range patterns {
		if ok, err := path.Match(pattern, segments[i]); err != nil || !ok {
			return false
		}
	}
	return true
}
