#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Writers that add 1 to numbers in files, all at the same time, and lose nothing: who is told ESTALE reads again.
#
#   count.pl COUNT FIELDS FILE WRITERS UID [FILE WRITERS UID]…
#
# Starts WRITERS processes for each FILE and lets them go at once. Each adds 1 COUNT times, to a field it does not leave: n0 to
# n(FIELDS - 1), in "n0: 7" or "n0": 7. They edit in place, through the handle they have read from. But the first of each FILE, as the user
# UID, does as editors do: read, close, open and empty, write, close. It is another user because to the mount what one user changed counts
# as read by all that this user runs (docs/decisions.md); UID 0: it too edits in place, which needs no rights.
# Prints how many saves succeeded and how many had to be tried again; any other error ends it.
use strict;
use warnings;
use Fcntl;
use Errno;

sub text_of {
	my ($file) = @_;
	my $text = '';
	while (1) {
		my $count = sysread($file, $text, 65536, length $text);
		return undef unless defined $count;
		return $text unless $count;
	}
}

# The text with the number behind the field's name one higher.
sub add {
	my ($text, $field) = @_;
	$text =~ s/(\b$field"?: )(\d+)/$1 . ($2 + 1)/e or die "no $field in:\n$text";
	return $text;
}

sub save {
	my ($file, $text) = @_;
	my $count = syswrite($file, $text);
	my $error = $!;
	return close($file) if defined $count;
	close $file;
	$! = $error;
	return undef;
}

# A number never gets shorter, so the new text covers the old one.
sub in_place {
	my ($path, $field) = @_;
	sysopen(my $file, $path, O_RDWR) or return undef;
	my $text = text_of($file);
	return undef unless defined $text;
	sysseek($file, 0, 0);
	return save($file, add($text, $field));
}

sub anew {
	my ($path, $field) = @_;
	sysopen(my $file, $path, O_RDONLY) or return undef;
	my $text = text_of($file);
	return undef unless defined $text && close $file;
	sysopen($file, $path, O_WRONLY | O_TRUNC) or return undef;
	return save($file, add($text, $field));
}

sub writer {
	my ($path, $field, $count, $how) = @_;
	my $again = 0;
	for (1 .. $count) {
		until ($how->($path, $field)) {
			die "$path: $!\n" unless $!{ESTALE};
			$again++;
		}
	}
	return $again;
}

my ($count, $fields, @mounts) = @ARGV;
pipe(my $go, my $gate) or die "pipe: $!\n";
pipe(my $results, my $result) or die "pipe: $!\n";
my ($number, @writers) = (0);
while (my ($path, $writers, $uid) = splice @mounts, 0, 3) {
	for my $i (1 .. $writers) {
		my $field = 'n' . $number++ % $fields;
		my $editor = $i == 1 && $uid;
		defined(my $pid = fork) or die "fork: $!\n";
		push @writers, $pid;
		next if $pid;
		close $gate;
		if ($editor) {
			$! = 0;
			$) = "$uid $uid";
			$> = $uid;
			die "user $uid: $!\n" if $!;
		}
		sysread($go, my $nothing, 1);
		my $again = writer($path, $field, $count, $editor ? \&anew : \&in_place);
		syswrite($result, "$count $again\n");
		exit 0;
	}
}
close $gate;
close $result;
my ($saves, $again) = (0, 0);
while (<$results>) {
	my ($one, $two) = split;
	$saves += $one;
	$again += $two;
}
my $failed = grep { waitpid($_, 0); $? } @writers;
print "$saves saves, $again again\n";
exit($failed ? 1 : 0);
