// Pauses between attempts; private to the SDK.
#import "AURClient.h"

NS_ASSUME_NONNULL_BEGIN

// The pause before the n-th attempt after a failure doubles from one second to five minutes. A random half of it is taken
// away, so that a million phones that lost the same server do not return in the same second.
static const NSTimeInterval AURBackoffBase = 1, AURBackoffCap = 300;
// What a server may ask for is bounded: a mistyped header must not silence a phone for a week.
static const NSTimeInterval AURRetryAfterCap = 3600;

/// The pause after so many failures in a row (1 = the first), in (d/2, d] where d = min(cap, base·2^(failures−1)); jitter in
/// [0, 1) chooses the place.
NSTimeInterval AURBackoff(NSUInteger failures, double jitter);

/// The wait before the next attempt: the back-off, or what the server asked for if that is longer.
NSTimeInterval AURPause(NSUInteger failures, NSTimeInterval retryAfter);

/// Performs a block on the environment's queue after some seconds, unless it is cancelled before.
id<AURCancellable> AURAfter(AUREnvironment *environment, NSTimeInterval seconds, void (^block)(void));

/// What a Retry-After header (RFC 9110 §10.2.3) asks for, seconds or a date; 0 when absent, past or malformed.
NSTimeInterval AURRetryAfter(NSString *_Nullable header, NSDate *now);

NS_ASSUME_NONNULL_END
