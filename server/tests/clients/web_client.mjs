// matrix-js-sdk, driven from outside: a command a line on standard input, an answer a line on standard output.
//
//   {"id": 1, "do": "send", "client": "web", …}  →  {"id": 1, "ok": …}  or  {"id": 1, "error": "…"}
//
// One process holds several clients by name, so that two devices of a user can verify each other.

import { createInterface } from "node:readline";

// The SDK logs through the console, and standard output is for answers.
for (const method of ["debug", "error", "info", "log", "trace", "warn"]) {
    console[method] = (...parts) => process.env.CLIENTS_LOG && process.stderr.write(parts.join(" ") + "\n");
}
const sdk = await import("matrix-js-sdk");
const { CryptoEvent, VerificationPhase, VerificationRequestEvent, VerifierEvent } = await import(
    "matrix-js-sdk/lib/crypto-api/index.js"
);

const LIMIT_MS = 60_000;
const clients = new Map();

/**
 * Rejects, with a name for what did not come, when a promise takes too long.
 *
 * Every wait for the SDK's verification objects needs it: the SDK refers to them weakly, so a function that waits for
 * one is garbage together with it unless something outside, here the timer, holds the function.
 */
function within(what, promise) {
    let timer;
    const limit = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`timed out: ${what}`)), LIMIT_MS);
    });
    return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Resolves with the first value that `look` gives, asked now and after each of the events; rejects after the limit. */
function until(what, emitter, events, look) {
    let check;
    const found = new Promise((resolve, reject) => {
        check = async (...values) => {
            try {
                const value = await look(...values);
                if (value) resolve(value);
            } catch (error) {
                reject(error);
            }
        };
    });
    for (const event of events) emitter.on(event, check);
    check();
    return within(what, found).finally(() => {
        for (const event of events) emitter.off(event, check);
    });
}

const password = ({ user, password }) => ({
    type: "m.login.password",
    identifier: { type: "m.id.user", user },
    password,
});

/** Answers an interactive authentication: asked for nothing first, as a client that does not know the flows. */
async function authenticated(credentials, makeRequest) {
    try {
        return await makeRequest(null);
    } catch (error) {
        if (error.httpStatus !== 401 || !error.data?.session) throw error;
        return await makeRequest({ ...password(credentials), session: error.data.session });
    }
}

async function start(name, baseUrl, session) {
    const client = sdk.createClient({
        baseUrl,
        accessToken: session.access_token,
        userId: session.user_id,
        deviceId: session.device_id,
        verificationMethods: ["m.sas.v1"],
    });
    clients.set(name, client);
    await client.initRustCrypto({ useIndexedDB: false });
    await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true });
    await until("the first sync", client, [sdk.ClientEvent.Sync], () => client.isInitialSyncComplete());
    return { user_id: session.user_id, device_id: session.device_id };
}

/** Waits until a client has the keys of another device of its user. */
function knows(client, device) {
    const user = client.getUserId();
    return until(`the keys of ${device}`, client, [CryptoEvent.DevicesUpdated, sdk.ClientEvent.Sync], async () =>
        (await client.getCrypto().getUserDeviceInfo([user])).get(user)?.has(device),
    );
}

const commands = {
    async register({ client, url, user, password }) {
        const anonymous = sdk.createClient({ baseUrl: url });
        const session = await anonymous.registerRequest({ username: user, password, auth: { type: "m.login.dummy" } });
        return start(client, url, session);
    },

    async login({ client, url, ...credentials }) {
        const session = await sdk.createClient({ baseUrl: url }).loginRequest(password(credentials));
        return start(client, url, session);
    },

    /** Makes the user's cross-signing keys on this device. */
    async bootstrap({ client, ...credentials }) {
        await clients.get(client).getCrypto().bootstrapCrossSigning({
            setupNewCrossSigning: true,
            authUploadDeviceSigningKeys: (makeRequest) => authenticated(credentials, makeRequest),
        });
        return clients.get(client).getCrypto().isCrossSigningReady();
    },

    async create_room({ client, name, invite }) {
        const encryption = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
        const room = await clients.get(client).createRoom({
            name,
            invite,
            preset: sdk.Preset.PrivateChat,
            initial_state: [encryption],
        });
        return room.room_id;
    },

    async send({ client, room, body }) {
        return (await clients.get(client).sendTextMessage(room, body)).event_id;
    },

    /** Waits for an encrypted message that decrypts to the body. */
    async receive({ client: name, room, sender, body }) {
        const client = clients.get(name);
        const events = [sdk.RoomEvent.Timeline, sdk.MatrixEventEvent.Decrypted, sdk.ClientEvent.Room];
        return until(`${name} reads ${body}`, client, events, async () => {
            const timeline = client.getRoom(room)?.getLiveTimeline().getEvents() ?? [];
            return timeline.some(
                (event) =>
                    event.isEncrypted() && event.getSender() === sender && event.getClearContent()?.body === body,
            );
        });
    },

    async joined({ client: name, room, user }) {
        const client = clients.get(name);
        const events = [sdk.RoomMemberEvent.Membership, sdk.RoomStateEvent.Members, sdk.ClientEvent.Sync];
        return until(`${name} sees ${user} join`, client, events, () =>
            client.getRoom(room)?.getMember(user)?.membership === "join",
        );
    },

    async upload({ client, base64, type, name }) {
        const bytes = new Blob([Buffer.from(base64, "base64")], { type });
        return (await clients.get(client).uploadContent(bytes, { type, name })).content_uri;
    },

    /** Fetches media the way the specification asks since 1.11: with the access token. `size` asks for a thumbnail. */
    async download({ client: name, uri, size, token = true }) {
        const client = clients.get(name);
        const url = client.mxcUrlToHttp(uri, size, size, size && "scale", false, true, true);
        const headers = token ? { authorization: `Bearer ${client.getAccessToken()}` } : {};
        const answer = await fetch(url, { headers });
        return {
            status: answer.status,
            type: answer.headers.get("content-type"),
            base64: Buffer.from(await answer.arrayBuffer()).toString("base64"),
        };
    },

    /** Two devices of one user compare short strings; both users say yes. */
    async verify({ new_device, old_device }) {
        const [newer, older] = [clients.get(new_device), clients.get(old_device)];
        // The SDK drops a request of a device whose keys it has not fetched yet, and asks no other.
        await Promise.all([knows(older, newer.getDeviceId()), knows(newer, older.getDeviceId())]);
        const received = until("a verification request", older, [CryptoEvent.VerificationRequestReceived], (request) => request);
        const asking = within("asking", newer.getCrypto().requestOwnUserVerification());
        const [asked, answered] = await Promise.all([asking, received]);
        await within("accepting", answered.accept());
        const phase = (request, wanted) =>
            until(`verification phase ${wanted}`, request, [VerificationRequestEvent.Change], () => {
                if (request.phase === VerificationPhase.Cancelled) throw new Error(`cancelled: ${request.cancellationCode}`);
                return request.phase >= wanted;
            });
        await phase(asked, VerificationPhase.Ready);
        const starting = await within("starting", asked.startVerification("m.sas.v1"));
        await phase(answered, VerificationPhase.Started);
        const following = answered.verifier;
        const shown = [starting, following].map((verifier) =>
            until("short strings", verifier, [VerifierEvent.ShowSas], (sas) => sas ?? verifier.getShowSasCallbacks()),
        );
        const verified = within("both verifiers' end", Promise.all([starting.verify(), following.verify()]));
        // A verification that is cancelled says why.
        const [one, other] = await Promise.race([Promise.all(shown), verified]);
        const same = JSON.stringify(one.sas) === JSON.stringify(other.sas);
        if (!same) throw new Error(`the short strings differ: ${one.sas.decimal} and ${other.sas.decimal}`);
        await within("confirming", Promise.all([one.confirm(), other.confirm()]));
        await verified;
        await Promise.all([phase(asked, VerificationPhase.Done), phase(answered, VerificationPhase.Done)]);
        return one.sas.emoji.map(([, word]) => word);
    },

    /** Waits until one device takes another for signed by its user. */
    async trusts({ client: name, user, device }) {
        const client = clients.get(name);
        const events = [CryptoEvent.DevicesUpdated, CryptoEvent.UserTrustStatusChanged, sdk.ClientEvent.Sync];
        return until(`${name} trusts ${device}`, client, events, async () =>
            (await client.getCrypto().getDeviceVerificationStatus(user, device))?.crossSigningVerified,
        );
    },

    /** Waits until the device has been given the secret cross-signing keys by another. */
    async has_secrets({ client: name }) {
        const client = clients.get(name);
        return until(`${name} gets the secrets`, client, [CryptoEvent.KeysChanged, sdk.ClientEvent.Sync], () =>
            client.getCrypto().isCrossSigningReady(),
        );
    },

    async stop() {
        for (const client of clients.values()) client.stopClient();
        setImmediate(() => process.exit(0));
    },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
    const { id, do: command, ...values } = JSON.parse(line);
    let answer;
    try {
        answer = { id, ok: (await commands[command](values)) ?? null };
    } catch (error) {
        answer = { id, error: error.stack ?? String(error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
});
