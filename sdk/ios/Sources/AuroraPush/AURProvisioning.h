// Which APNs a build belongs to; private to the SDK.
#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

typedef NS_ENUM(NSInteger, AURSigning) {
    AURSigningUnknown,     ///< no profile, as in App Store builds, or none that says
    AURSigningDevelopment,
    AURSigningProduction,
};

/// What the entitlement aps-environment in a provisioning profile says. The profile is a property list inside a signature;
/// only the two tags are looked at, since the rest is large and none of the SDK's business.
AURSigning AURSigningOfProfile(NSData *_Nullable profile);

/// The environment of the token: what the profile says, else what the configuration says.
BOOL AURProductionToken(AURSigning signing, BOOL configured);

/// nil, or what is wrong: pushes would go to an APNs that does not know the token.
NSString *_Nullable AURSigningContradiction(AURSigning signing, BOOL configured);

NS_ASSUME_NONNULL_END
