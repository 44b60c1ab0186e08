// What a page needs to verify certificates by itself; esbuild makes one file of it.

import { AllOf, Identity, OIDCIssuerV2, SigstoreVerifier } from '@freedomofpress/sigstore-browser';

// Answer with the payload (base64), or with why it does not hold.
globalThis.verifyCertificate = async ({ root, bundle, identity, issuer }) => {
  try {
    const verifier = new SigstoreVerifier();
    await verifier.loadSigstoreRoot(JSON.parse(root));
    const policy = new AllOf([new Identity({ identity }), new OIDCIssuerV2(issuer)]);
    const { payload } = await verifier.verifyDsse(JSON.parse(bundle), policy);
    return { payload: btoa(String.fromCharCode(...payload)) };
  } catch (error) {
    return { refused: error?.message ?? String(error) };
  }
};
