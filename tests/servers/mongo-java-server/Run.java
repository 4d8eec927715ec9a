/* SPDX-License-Identifier: GPL-3.0-or-later */

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

/**
 * Starts mongo-java-server: Run PORT [FILE]. On a loopback port, 0 for a free one, which it tells: "listening on 127.0.0.1:PORT". The
 * documents are in FILE, else in memory. SIGTERM ends it.
 */
public final class Run {
	private Run() {
	}

	public static void main(String[] args) throws InterruptedException {
		MongoServer server = new MongoServer(args.length > 1 ? new H2Backend(args[1]) : new MemoryBackend());
		server.bind("127.0.0.1", Integer.parseInt(args[0]));
		Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
		System.out.println("listening on 127.0.0.1:" + server.getLocalAddress().getPort());
		Thread.currentThread().join();
	}
}
