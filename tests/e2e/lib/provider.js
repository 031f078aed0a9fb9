// SPDX-License-Identifier: Apache-2.0
//
// A small identity provider: key pairs made with jose, a JWK set over HTTP that answers as it is told, tokens.
import http from 'node:http';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';

export const ISSUER = 'https://idp.example/';
export const CLAIM = 'https://idp.example/tenant';

export class Provider {
  #server = null;
  #n = 0;
  #sockets = new Set();
  requests = []; // times of arrival, ms
  published = []; // the keys of the set: {kid, alg, jwk, spki, privateKey}
  answer = 'set'; // 'set', or a function (request, response)

  constructor() {
    this.port = 0;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/.well-known/jwks.json`;
  }

  async start() {
    this.#server = http.createServer((request, response) => {
      this.requests.push(Date.now());
      if (this.answer !== 'set') return this.answer(request, response);
      response.setHeader('Content-Type', 'application/jwk-set+json');
      response.end(JSON.stringify({ keys: this.published.map((k) => k.jwk) }));
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    this.port = this.#server.address().port;
    return this;
  }

  /** Connections are cut and refused until start(). */
  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve()));
    this.#server = null;
  }

  /** A new key pair that is not published yet. */
  async makeKey(alg = 'ES256', { kid = `key-${++this.#n}` } = {}) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { modulusLength: 2048, extractable: true, crv: 'Ed25519' });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' };
    return { kid, alg, jwk, spki: await exportSPKI(publicKey), privateKey };
  }

  /** The newest key is `key`; the newest `keep` ones stay in the set. */
  publish(key, { keep = 2 } = {}) {
    this.published = [key, ...this.published].slice(0, keep);
    return key;
  }

  /** A token for a tenant, signed with a key; claims and header may be added. */
  token(tenant, key = this.published[0], { claims = {}, header = {}, expires = '1h' } = {}) {
    return new SignJWT({ [CLAIM]: { id: tenant }, ...claims })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
      .setIssuer(claims.iss ?? ISSUER)
      .setAudience(claims.aud ?? 'notes')
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(key.privateKey);
  }
}

/** What an app has to be told of it. */
export function settingsOf(provider, more = []) {
  return [
    `auth.jwks_url=${provider.url}`,
    'auth.jwks_min_interval=500ms',
    'auth.jwks_max_age=2s',
    `auth.tenant_claim=$["${CLAIM}"].id`,
    `auth.issuer=${ISSUER}`,
    'auth.audience=notes',
    ...more,
  ];
}
