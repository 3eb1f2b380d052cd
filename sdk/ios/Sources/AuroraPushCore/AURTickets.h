// Completions that wait for Aurora's word; private to the SDK. Not thread-safe: the client's queue owns it.
#import <Foundation/Foundation.h>
#import "AURClock.h"

NS_ASSUME_NONNULL_BEGIN

/// Called once, on the callback queue, with nil for success.
typedef void (^AURCompletion)(NSError *_Nullable error);

/// How long a completion waits at most, in seconds. After that it is called with AURErrorTimedOut.
extern const NSTimeInterval AURCompletionTimeout;

@interface AURTickets : NSObject
- (instancetype)initWithClock:(id<AURClock>)clock queue:(id<AURQueue>)queue callbacks:(id<AURQueue>)callbacks NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// Keeps completion until none of the keys is pending any more, or until time is over.
- (void)add:(AURCompletion)completion keys:(NSArray<NSString *> *)keys;

/// Calls the completions none of whose keys is pending; those with a key in refused learn why.
- (void)settleWithPending:(NSDictionary *)pending refused:(nullable NSDictionary *)refused error:(nullable NSError *)error;

/// Calls all completions with an error.
- (void)failAll:(NSError *)error;
@end

NS_ASSUME_NONNULL_END
