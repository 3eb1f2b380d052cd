// The device API of one Aurora server, as docs/rest.md describes it; private to the SDK.
#import <Foundation/Foundation.h>
#import "AURChanges.h"
#import "AURClock.h"
#import "AURReceipt.h"
#import "AURTransport.h"

NS_ASSUME_NONNULL_BEGIN

/// What proves an installation.
@interface AURIdentity : NSObject
@property (nonatomic, copy, readonly) NSString *registrationID, *secret;
- (instancetype)initWithRegistrationID:(NSString *)registrationID secret:(NSString *)secret;
@end

/// Called once, on the queue. Exactly one argument is nil.
typedef void (^AURAnswer)(NSDictionary *_Nullable answer, NSError *_Nullable error);

/// Makes requests and judges the answers: an error is either passing (AURErrorIsPassing) or a final refusal of Aurora. Thread-safe.
@interface AURDeviceAPI : NSObject
- (instancetype)initWithServer:(NSString *)server transport:(id<AURTransport>)transport clock:(id<AURClock>)clock queue:(id<AURQueue>)queue NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// POST /v1/devices. The answer has "registration_id".
- (id<AURCancellable>)registerDevice:(NSDictionary *)registration answer:(AURAnswer)answer;
- (id<AURCancellable>)update:(AURChanges *)changes of:(AURIdentity *)device answer:(AURAnswer)answer;
- (id<AURCancellable>)report:(NSArray<AURReceipt *> *)receipts of:(AURIdentity *)device timeout:(NSTimeInterval)timeout answer:(AURAnswer)answer;
- (id<AURCancellable>)readDevice:(AURIdentity *)device answer:(AURAnswer)answer;
/// Waits up to so many seconds at the server for in-app messages.
- (id<AURCancellable>)messagesOf:(AURIdentity *)device wait:(NSInteger)seconds answer:(AURAnswer)answer;
@end

/// How long a request may take, in seconds.
extern const NSTimeInterval AURRequestTimeout;

/// Turns what came back into an answer or an error. Only a numbered refusal is final: a 404 of some proxy or the login page
/// of a hotel says nothing about the request.
NSDictionary *_Nullable AURJudge(AURResponse *response, NSDate *now, NSError *_Nullable *_Nonnull error);

/// Whether a refusal says that Aurora does not know the registration, which a new one mends.
BOOL AURErrorIsUnknownRegistration(NSError *_Nullable error);

NS_ASSUME_NONNULL_END
