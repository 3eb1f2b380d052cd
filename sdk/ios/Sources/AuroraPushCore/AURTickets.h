// Completions that wait for Aurora's word; private to the SDK. Not thread-safe: the client's queue owns it.
#import "AURClient.h"

NS_ASSUME_NONNULL_BEGIN

/// Called once, on the callback queue: with an error, or with a result, if there is one to give.
typedef void (^AURTicketCompletion)(id _Nullable result, NSError *_Nullable error);

/// How long a completion waits if nothing else is said, in seconds. After that it is called with AURErrorTimedOut.
extern const NSTimeInterval AURCompletionTimeout;

@interface AURTickets : NSObject
- (instancetype)initWithEnvironment:(AUREnvironment *)environment NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;
@property (nonatomic, readonly) NSUInteger count;

/// Keeps completion until it is finished, or until time is over. The keys are those of the values that it waits for.
- (void)add:(AURTicketCompletion)completion keys:(nullable NSSet<NSString *> *)keys within:(NSTimeInterval)seconds;

/// Finishes those none of whose keys is pending; those with a key in refused learn why.
- (void)settleWithPending:(NSDictionary *)pending refused:(nullable NSDictionary *)refused error:(nullable NSError *)error;

/// Finishes all.
- (void)finishAll:(nullable id)result error:(nullable NSError *)error;
@end

NS_ASSUME_NONNULL_END
