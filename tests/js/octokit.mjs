// Take a pull request from its opening to its merge with unmodified octokit.
//
// stdin:  {"base": address of the API, "token", "owner", "repo", "head": branch}
// stdout: what was seen on the way

import { text } from 'node:stream/consumers';
import { Octokit } from '@octokit/rest';

const { base, token, owner, repo, head } = JSON.parse(await text(process.stdin));
const log = Object.fromEntries(['debug', 'info', 'warn', 'error'].map((level) => [level, () => {}]));
const octokit = new Octokit({ auth: token, baseUrl: base, log });
const at = { owner, repo };

const { data: pull } = await octokit.rest.pulls.create({ ...at, head, base: 'main', title: 'a job' });
const onPull = { ...at, pull_number: pull.number };
const files = await octokit.paginate(octokit.rest.pulls.listFiles, { ...onPull, per_page: 2 });
await octokit.rest.issues.createComment({ ...at, issue_number: pull.number, body: 'hello' });
await octokit.rest.issues.addLabels({ ...at, issue_number: pull.number, labels: ['auto'] });
const { data: check } = await octokit.rest.checks.create({
  ...at, name: 'validate', head_sha: pull.head.sha, status: 'completed', conclusion: 'success',
  output: { title: 'fine', summary: 'all of it' },
});
const stale = await octokit.rest.pulls
  .merge({ ...onPull, sha: '0'.repeat(40) })
  .then(() => 'merged', (error) => error.status);
const { data: merged } = await octokit.rest.pulls.merge({ ...onPull, sha: pull.head.sha });
const { data: after } = await octokit.rest.pulls.get(onPull);

process.stdout.write(JSON.stringify({
  number: pull.number,
  files: files.map((file) => file.filename),
  check: check.conclusion,
  stale,
  sha: merged.sha,
  merged: after.merged,
  labels: after.labels.map((label) => label.name),
}));
