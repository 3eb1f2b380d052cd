// The device API of one Aurora server, as docs/rest.md describes it; private to the SDK.
#import "AURClient.h"

NS_ASSUME_NONNULL_BEGIN

/// What proves an installation: its registration_id and secret; other members do no harm.
typedef NSDictionary<NSString *, NSString *> AURIdentity;
extern NSString *const AURRegistrationIDKey, *const AURSecretKey;

/// Called once, on the queue. Exactly one argument is nil.
typedef void (^AURAnswer)(NSDictionary *_Nullable answer, NSError *_Nullable error);

/// Makes requests and judges the answers: an error is either passing (AURErrorIsPassing) or a final refusal of Aurora. Thread-safe.
@interface AURDeviceAPI : NSObject
- (instancetype)initWithServer:(NSString *)server environment:(AUREnvironment *)environment NS_DESIGNATED_INITIALIZER;
- (instancetype)init NS_UNAVAILABLE;

/// Sends a request to /v1/devices, or, if a device is given, to /v1/devices/{id} with path appended and the device's proof.
/// @param timeout for the whole exchange, in seconds
- (id<AURCancellable>)send:(NSString *)method path:(NSString *)path of:(nullable AURIdentity *)device body:(nullable NSDictionary *)body timeout:(NSTimeInterval)timeout answer:(AURAnswer)answer;
@end

/// How long most requests may take, in seconds.
extern const NSTimeInterval AURRequestTimeout;

/// Turns what came back into an answer or an error. Only a numbered refusal is final: a 404 of some proxy or the login page
/// of a hotel says nothing about the request.
NSDictionary *_Nullable AURJudge(AURResponse *response, NSDate *now, NSError *_Nullable *_Nonnull error);

/// Whether a refusal says that Aurora does not know the registration, which a new one mends.
BOOL AURErrorIsUnknownRegistration(NSError *_Nullable error);

NS_ASSUME_NONNULL_END
