"""What assistants speak with (the Model Context Protocol): messages in, messages out. Knows nothing of HTTP.

protocol    one message in, one answer out, in either era (`versions`, `headers`, `errors`, `methods`)
registry    what is offered: tools, resources, prompts, as values; `catalogue` holds ours
tools/      one module a tool; each asks `events.query`, the only way to the data
text        what keeps answers small, and what strangers wrote in them harmless
"""
