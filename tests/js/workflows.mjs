// Read workflow files as GitHub does: its own parser, and the checks of its editor.
//
// stdin: {"name": "text of the file", ...}
// stdout: {"name": ["what is wrong", ...], ...}

import { validate } from '@actions/languageservice';
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from '@actions/workflow-parser';
import { text } from 'node:stream/consumers';
import { TextDocument } from 'vscode-languageserver-textdocument';

async function problems(name, content) {
  const parsed = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  // Some mistakes show only when the tree becomes jobs and steps.
  if (parsed.value) await convertWorkflowTemplate(parsed.context, parsed.value);
  const document = TextDocument.create(`file:///${name}`, 'yaml', 0, content);
  const noted = await validate(document);
  return [
    ...parsed.context.errors.getErrors().map((error) => error.message),
    ...noted.map(({ message, range }) => `${range.start.line + 1}: ${message}`),
  ];
}

const answers = {};
for (const [name, content] of Object.entries(JSON.parse(await text(process.stdin)))) {
  answers[name] = await problems(name, content);
}
process.stdout.write(JSON.stringify(answers));
