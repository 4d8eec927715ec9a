// SPDX-License-Identifier: GPL-3.0-or-later
//
// The second writer of the tests: a program with Mongoose models of Netgoat's documents, as its control plane has them.
//
//   NODE_PATH=…/node_modules node app.js URI 'JAVASCRIPT'
//
// Runs the statements, which may await, with the models, `say` (prints a line; objects as JSON) and `wait` (prints "ready" and goes on at
// the next line of standard input). An error's name is printed and ends it with status 1.
'use strict';

const readline = require('node:readline');
const mongoose = require('mongoose');

const { Schema } = mongoose;
const { ObjectId, Mixed } = Schema.Types;
const options = { timestamps: { createdAt: 'created_at', updatedAt: 'updated_at' } };

const types = ['A', 'AAAA', 'CNAME', 'MX', 'TXT', 'NS', 'SRV', 'CAA', 'PTR', 'SOA'];

const Team = mongoose.model('Team', new Schema({
	name: { type: String, required: true },
	slug: { type: String, required: true, unique: true },
	members: [{
		user_id: { type: ObjectId, ref: 'User', required: true },
		role: { type: String, default: 'member' },
		joined_at: { type: Date, default: Date.now },
	}],
	domain_count: { type: Number, default: 0 },
	plan: { type: String, enum: ['free', 'pro', 'enterprise'], default: 'free' },
	active: { type: Boolean, default: true },
}, options));

const User = mongoose.model('User', new Schema({
	name: String,
	email: { type: String, lowercase: true },
	teams: [{ type: ObjectId, ref: 'Team' }],
}, { timestamps: true }));

const rule = new Schema({
	name: { type: String, required: true },
	expression: { type: String, required: true },
	action: { type: String, enum: ['BLOCK', 'ALLOW', 'LOG', 'CHALLENGE'] },
	priority: { type: Number, default: 100 },
	enabled: { type: Boolean, default: true },
});

const domain = {
	teamId: { type: ObjectId, ref: 'Team', required: true },
	domain: { type: String, required: true, lowercase: true, match: /^[a-z0-9.-]+$/ },
	target_url: String,
	tlsStatus: { type: String, enum: ['Pending', 'Active', 'Expired'], default: 'Pending' },
	waf_rules: [rule],
	settings: Mixed,
	active: { type: Boolean, default: true },
	verification_token: { type: String, select: false },
};
const Domain = mongoose.model('Domain', new Schema(domain, options));
// The same documents, by a program that checks the version at every save.
const CheckedDomain = mongoose.model('CheckedDomain', new Schema(domain, { ...options, optimisticConcurrency: true }), 'domains');

const DNSRecord = mongoose.model('DNSRecord', new Schema({
	domainId: { type: ObjectId, ref: 'Domain', required: true },
	teamId: { type: ObjectId, ref: 'Team' },
	domain: String,
	type: { type: String, enum: types, required: true },
	name: { type: String, required: true },
	value: { type: String, required: true },
	ttl: { type: Number, min: 1, max: 604800, default: 3600 },
	priority: Number,
	proxied: { type: Boolean, default: false },
	active: { type: Boolean, default: true },
}, options));

const lines = readline.createInterface({ input: process.stdin });
const input = lines[Symbol.asyncIterator]();

function say(...words) {
	console.log(words.map((word) => (typeof word === 'object' ? JSON.stringify(word) : String(word))).join(' '));
}

async function wait() {
	say('ready');
	await input.next();
}

// Whether what is stored is what Mongoose would store: it validates, and every field has the type and bytes that Mongoose gives it. (Defaults
// of fields that are not stored are in what it read.)
async function isOurs(model, filter) {
	const stored = await model.collection.findOne(filter);
	const read = await model.findOne(filter).select(model.schema.path('verification_token') ? '+verification_token' : {});
	await read.validate();
	const differing = Object.keys(read.toObject()).filter((key) => {
		if (!(key in stored)) {
			return false;
		}
		const one = mongoose.mongo.BSON.serialize({ value: read.toObject()[key] });
		const other = mongoose.mongo.BSON.serialize({ value: stored[key] });
		return Buffer.compare(Buffer.from(one), Buffer.from(other)) !== 0;
	});
	if (read.isModified() || differing.length > 0) {
		throw new Error(`not as Mongoose would have it: ${differing} ${read.modifiedPaths()}`);
	}
	return true;
}

async function main() {
	const [uri, code] = process.argv.slice(2);
	const names = ['mongoose', 'Team', 'User', 'Domain', 'CheckedDomain', 'DNSRecord', 'say', 'wait', 'isOurs'];
	const values = [mongoose, Team, User, Domain, CheckedDomain, DNSRecord, say, wait, isOurs];
	const AsyncFunction = Object.getPrototypeOf(main).constructor;
	await mongoose.connect(uri, { serverSelectionTimeoutMS: 5000, autoIndex: false });
	try {
		await new AsyncFunction(...names, code)(...values);
	} finally {
		lines.close();
		await mongoose.disconnect();
	}
}

main().catch((error) => {
	say(error.name);
	console.error(error);
	process.exitCode = 1;
});
