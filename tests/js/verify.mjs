// Ask unmodified sigstore-js about many bundles at once.
//
// stdin:  {"roots": {name: text}, "questions": {name: {"root", "bundle" (base64), "identity", "issuer"}}}
// stdout: {name: {"payload": base64 of the verified payload} or {"refused": why}}

import { text } from 'node:stream/consumers';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify';

const { roots, questions } = JSON.parse(await text(process.stdin));
const verifiers = Object.fromEntries(
  Object.entries(roots).map(([name, root]) => [
    name,
    new Verifier(toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root)))),
  ]),
);

// The library takes the name for a regular expression that may match anywhere.
const exactly = (name) => `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;

function answer({ root, bundle, identity, issuer }) {
  try {
    const parsed = bundleFromJSON(JSON.parse(Buffer.from(bundle, 'base64').toString('utf8')));
    verifiers[root].verify(toSignedEntity(parsed), {
      subjectAlternativeName: exactly(identity),
      extensions: { issuer },
    });
    return { payload: parsed.content.dsseEnvelope.payload.toString('base64') };
  } catch (error) {
    return { refused: [error?.code, error?.message ?? error].filter(Boolean).join(': ') };
  }
}

const answers = Object.entries(questions).map(([name, question]) => [name, answer(question)]);
process.stdout.write(JSON.stringify(Object.fromEntries(answers)));
